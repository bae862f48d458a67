import { afterAll, beforeAll, expect, test } from 'vitest';
import { desktop, phone, visit } from '../support/browser.ts';
import { root, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const sample = stack.start(`${root}examples/stt-worker/service.mjs`, {
    env: { HEADWATER_CONNECTION: connection },
  });
  await sample.waitFor(/started from live config/);
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());

const url = (path: string) => `${stack.ready.http}${path}`;

test.each([
  ['desktop', 'light', desktop],
  ['phone', 'dark', phone],
] as const)('who runs what, on a %s in %s', async (_, colorScheme, viewport) => {
  await using visitor = await visit(stack.ready, { viewport, colorScheme, touch: viewport === phone });
  const { page } = visitor;
  await page.goto(url('/fleet?env=dev'));
  await page.getByRole('link', { name: 'stt-worker' }).waitFor();
  await page.getByRole('button', { name: 'Current 1' }).click();
  expect(await page.getByRole('row').count()).toBeGreaterThan(0);
  expect(await visitor.accessibility()).toEqual([]);
  if (viewport === phone) expect(await visitor.smallTargets()).toEqual([]);
  await page.getByRole('link', { name: 'stt-worker' }).click();
  await page.getByRole('heading', { level: 1, name: 'stt-worker' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  expect(visitor.complaints).toEqual([]);
});

test('a secret is put in, replaced and removed without ever being in the page', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(url('/services/stt-worker?env=dev&setting=%2Fopenai_api_key'));
  const field = page.locator('[data-pointer="/openai_api_key"]');
  await field.getByText('Not set.').waitFor();
  await field.getByRole('button', { name: /^Put one in/ }).click();
  await field.getByLabel('New value of OpenAI key').fill('a-value-that-nobody-may-see');
  expect(await visitor.accessibility()).toEqual([]);
  await field.getByRole('button', { name: 'Seal and commit for dev' }).click();
  await field.getByText('Stored. It is shown to nobody.').waitFor();
  const seen = await page.evaluate(() => document.documentElement.innerHTML + JSON.stringify(localStorage));
  expect(seen).not.toContain('a-value-that-nobody-may-see');
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  const file = await stack.git('show', 'HEAD:services/stt-worker/secrets.dev.json');
  expect(file).toContain('ENC[');
  await field.getByRole('button', { name: /^Remove/ }).click();
  await field.getByText('Not set.').waitFor();
  expect(visitor.complaints).toEqual([]);
});
