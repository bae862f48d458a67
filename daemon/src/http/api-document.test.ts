/** docs/api.md shows every route. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openApiScene } from '../testing/api-scene.ts';

const document = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');

/** Method and address of every example, without its query. */
const examples = document.split('curl -s').map((text) => ({
  method: /-X ([A-Z]+)/.exec(text)?.[1] ?? 'GET',
  path: `/api/v1${/"\$HEADWATER(\/[^"?]*)/.exec(text)?.[1]}`,
}));

/** Routes as the server prints them: a tree, in which each line adds to the one that it hangs from. */
function routesIn(printed: string): { method: string; path: string }[] {
  const above: string[] = [];
  return printed.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] =
      /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?/.exec(line) ?? [];
    if (part === '') return [];
    const depth = indent.length / 4;
    above.splice(depth, above.length, part);
    const path = above.join('');
    return methods.split(', ').flatMap((method) => (method && method !== 'HEAD' ? [{ method, path }] : []));
  });
}

test('every route of the API has an example', async () => {
  await using api = await openApiScene();
  const routes = routesIn(await api.printRoutes()).filter(({ path }) => path.startsWith('/api/v1/'));
  expect(routes.length).toBeGreaterThan(25);
  for (const { method, path } of routes) {
    // Git hosts send webhooks, people do not.
    if (path.includes('/webhooks/')) continue;
    const pattern = new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`);
    const isShown = examples.some((one) => one.method === method && pattern.test(one.path));
    expect([method, path, isShown]).toEqual([method, path, true]);
  }
});
