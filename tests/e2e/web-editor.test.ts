import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { desktop, phone, type Visit, visit } from '../support/browser.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let firstEdit: string;
beforeAll(async () => {
  stack = await startStack();
  firstEdit = await stack.edit(
    'services/stt-worker/config.json',
    (config) => ({ ...config, vad_threshold: 0.61 }),
    'Hear softer voices',
  );
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());

const url = (path: string) => `${stack.ready.http}${path}`;

/** The number of the newest live epoch, as the top bar shows it. */
const epochOf = async ({ page }: Visit) =>
  (await page.locator('.bar-epoch').innerText()).match(/#(\d+)/)?.[1];

describe('every page, on a desktop and on a phone, in light and dark', () => {
  const pages: readonly (readonly [string, () => string, string])[] = [
    ['services', () => '/', 'Services'],
    ['one service', () => '/services/stt-worker?env=dev', 'stt-worker'],
    ['history', () => '/history', 'History'],
    ['one commit', () => `/history/${firstEdit}`, 'Hear softer voices'],
    ['an address that is none', () => '/nowhere', 'There is nothing at this address.'],
  ];
  test.each([
    ['desktop', 'light', desktop],
    ['desktop', 'dark', desktop],
    ['phone', 'light', phone],
    ['phone', 'dark', phone],
  ] as const)('%s, %s', async (_, colorScheme, viewport) => {
    await using visitor = await visit(stack.ready, { viewport, colorScheme, touch: viewport === phone });
    for (const [name, path, heading] of pages) {
      await visitor.page.goto(url(path()));
      await visitor.page.getByRole('heading', { level: 1 }).filter({ hasText: heading }).waitFor();
      expect([name, await visitor.accessibility()]).toEqual([name, []]);
      const overflow = await visitor.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect([name, overflow]).toEqual([name, 0]);
      if (viewport === phone) expect([name, await visitor.smallTargets()]).toEqual([name, []]);
    }
    expect(visitor.complaints).toEqual([]);
  });
});

describe('logging in', () => {
  test('by the link that the daemon printed: once, and it leaves no trace in the address', async () => {
    const { stdout } = await stack.headwater('login-link', '--data', stack.data);
    await using visitor = await visit(stack.ready);
    await visitor.page.context().clearCookies();
    await visitor.page.goto(stdout.trim());
    await visitor.page.getByRole('heading', { name: 'Services' }).waitFor();
    expect(visitor.page.url()).toBe(url('/'));
    await visitor.page.context().clearCookies();
    visitor.forgive(/401/);
    await visitor.page.goto('about:blank');
    await visitor.page.goto(stdout.trim());
    await visitor.page
      .getByText('This login link was used already or is too old.')
      .or(visitor.page.getByRole('alert'))
      .first()
      .waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  test('with a wrong token says so and lets one try again', async () => {
    await using visitor = await visit(stack.ready);
    visitor.forgive(/401/);
    await visitor.page.context().clearCookies();
    await visitor.page.goto(url('/'));
    await visitor.page.getByLabel('Token').fill('hw_wrong');
    await visitor.page.getByRole('button', { name: 'Log in' }).click();
    await visitor.page.getByRole('alert').waitFor();
    expect(await visitor.page.getByRole('alert').innerText()).toContain('token');
    expect(visitor.complaints).toEqual([]);
  });
});

describe('what happens shows by itself', () => {
  test('a push: the epoch in the bar, the history, the setting on the page', async () => {
    await using visitor = await visit(stack.ready);
    await visitor.page.goto(url('/services/router?env=dev'));
    await visitor.page.getByRole('heading', { level: 1, name: 'router' }).waitFor();
    await visitor.page.getByRole('button', { name: /^All/ }).click();
    const before = Number(await epochOf(visitor));
    await stack.edit('services/router/config.json', (config) => ({ ...config, router_wake_window_sec: 7.5 }));
    await visitor.page.locator('.bar-epoch', { hasText: `#${before + 1}` }).waitFor();
    const field = visitor.page.locator('[data-pointer="/router_wake_window_sec"]');
    await field.getByPlaceholder('7.5').waitFor();
    await visitor.page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('link', { name: 'History' })
      .click();
    await visitor.page.getByRole('heading', { name: 'History' }).waitFor();
    await visitor.page.locator('.timeline-entry', { hasText: `#${before + 1}` }).waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  test('a daemon that goes and comes back: the page says so, keeps what was typed, and goes on', async () => {
    await using visitor = await visit(stack.ready);
    visitor.forgive(/ERR_CONNECTION|ERR_EMPTY|Failed to load|net::|ERR_INCOMPLETE/);
    await visitor.page.goto(url('/services/camera?env=dev'));
    await visitor.page.getByRole('button', { name: /^All/ }).click();
    const fps = visitor.page.locator('[data-pointer="/fps"] input');
    await fps.fill('17');
    await stack.daemon.kill('SIGKILL');
    await visitor.page.getByText('Not connected. Your edits stay here.').waitFor();
    expect(await fps.inputValue()).toBe('17');
    await stack.restart();
    await visitor.page
      .getByText('Not connected. Your edits stay here.')
      .waitFor({ state: 'hidden', timeout: 30_000 });
    expect(await fps.inputValue()).toBe('17');
    expect(visitor.complaints).toEqual([]);
  });
});

test('text from the repository is text: nothing in it runs', async () => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  const commit = await stack.push(
    {
      'schemas/evil.schema.json': JSON.stringify({
        title: evil,
        description: evil,
        type: 'object',
        'x-hw': { owner: 'team', tags: ['evil'] },
        properties: {
          text: {
            type: 'string',
            title: evil,
            description: evil,
            'x-hw': { level: 'simple', help: evil, group: evil },
          },
          odd: { oneOf: [{ type: 'string' }, { type: 'number' }], 'x-hw': { level: 'simple' } },
        },
      }),
      'services/evil/config.json': JSON.stringify({ text: evil, odd: 1 }),
    },
    `${evil}\n\n${evil}`,
  );
  await using visitor = await visit(stack.ready);
  for (const path of ['/', '/services/evil?env=dev', '/history', `/history/${commit}`]) {
    await visitor.page.goto(url(path));
    await visitor.page.getByRole('heading', { level: 1 }).waitFor();
  }
  expect(await visitor.page.locator('h1').innerText()).toBe(evil);
  expect(await visitor.page.locator('img[src="x"]').count()).toBe(0);
  expect(visitor.complaints).toEqual([]);
});
