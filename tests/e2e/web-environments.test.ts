import { afterAll, beforeAll, expect, test } from 'vitest';
import { desktop, phone, visit } from '../support/browser.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  await stack.edit('services/camera/config.dev.json', (config) => ({ ...config, fps: 27 }));
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());

const url = (path: string) => `${stack.ready.http}${path}`;

test.each([
  ['desktop', 'dark', desktop],
  ['phone', 'light', phone],
] as const)('what differs between two environments, on a %s in %s', async (_, colorScheme, viewport) => {
  await using visitor = await visit(stack.ready, { viewport, colorScheme, touch: viewport === phone });
  const { page } = visitor;
  await page.goto(url('/environments?env=dev'));
  await page.getByRole('table', { name: 'camera' }).getByText('27', { exact: true }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  if (viewport === phone) expect(await visitor.smallTargets()).toEqual([]);
  expect(visitor.complaints).toEqual([]);
});

test('a setting is taken over to another environment, and then differs no more', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await page.goto(url('/environments?env=dev'));
  await page.getByRole('table', { name: 'camera' }).getByRole('checkbox', { name: 'fps' }).check();
  await page.getByRole('button', { name: 'Take over to prod' }).click();
  const dialog = page.getByRole('dialog', { name: 'Take settings from dev to prod' });
  await dialog.getByText('27').first().waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await dialog.getByRole('button', { name: 'Take over to prod' }).click();
  await page.getByText(/Committed as epoch \d+/).waitFor();
  await page.getByRole('checkbox', { name: 'fps' }).waitFor({ state: 'hidden' });
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  expect(JSON.parse(await stack.git('show', 'HEAD:services/camera/config.prod.json'))).toMatchObject({
    fps: 27,
  });
  expect(visitor.complaints).toEqual([]);
});
