import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { phone, visit } from '../support/browser.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());

const palette = (page: Page) => page.getByRole('combobox', { name: /^Find a service/ });
const url = (path: string) => `${stack.ready.http}${path}`;

test('any setting by a few letters: Ctrl+K, a word, Enter, and its field has the focus', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await page.goto(url('/?env=dev'));
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('Control+k');
  await palette(page).waitFor();
  await page.keyboard.type('speech prob');
  await page.getByRole('option', { name: /Speech probability/ }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await page.keyboard.press('Enter');
  await page.waitForURL(/services\/stt-worker\?env=dev&setting=%2Fvad_threshold/);
  await expect
    .poll(() =>
      page.evaluate(() => document.activeElement?.closest('[data-pointer]')?.getAttribute('data-pointer')),
    )
    .toBe('/vad_threshold');
  expect(visitor.complaints).toEqual([]);
});

test('services, commits and pages are found there, too; nothing found is said', async () => {
  await using visitor = await visit(stack.ready, { viewport: phone, touch: true, colorScheme: 'dark' });
  const { page } = visitor;
  await page.goto(url('/?env=dev'));
  await page.getByRole('button', { name: 'Find anything' }).tap();
  await palette(page).fill('camera');
  await page
    .getByRole('option', { name: /^camera/ })
    .first()
    .waitFor();
  expect(await visitor.smallTargets()).toEqual([]);
  expect(await visitor.accessibility()).toEqual([]);
  await palette(page).fill('#1');
  await page.getByRole('option', { name: /#1 ·/ }).waitFor();
  await palette(page).fill('zzzz nothing');
  await page.getByText('Nothing found.').waitFor();
  await palette(page).fill('switch prod');
  await page.getByRole('option', { name: 'Switch to prod' }).tap();
  await page.waitForURL(/env=prod/);
  expect(visitor.complaints).toEqual([]);
});

test('keys for places and for help', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await page.goto(url('/?env=dev'));
  await page.getByRole('heading', { level: 1, name: 'Services' }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await page.getByRole('heading', { level: 1, name: 'History' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.getByRole('heading', { level: 1, name: 'Services' }).waitFor();
  await page.locator('[data-filter]').waitFor(); // the list is still on its way when the page is there
  await page.keyboard.press('/');
  await page.keyboard.type('speech in');
  await expect.poll(() => page.getByText(/\d of \d services/).innerText()).toBe('2 of 7 services');
  expect(visitor.complaints).toEqual([]);
});

test('something that waits is on every page with both ways out, and is undone in two clicks', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await page.goto(url('/?env=dev'));
  await stack.land(
    'services/stt-worker/config.json',
    (config) => ({ ...config, vad_threshold: 7 }),
    'Too loud',
  );
  const banner = page.getByRole('status', { name: 'What waits' });
  await banner.getByText('expected a number from 0 to 1, got 7').waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await banner.getByRole('link', { name: 'Fix it' }).click();
  await page.getByRole('heading', { level: 1, name: 'stt-worker' }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await banner.getByRole('link', { name: /^Undo/ }).click();
  await page.getByRole('dialog', { name: 'Undo “Too loud”' }).waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await page.getByRole('button', { name: 'Undo it' }).click();
  await page.getByText(/Undone as epoch \d+/).waitFor();
  await banner.waitFor({ state: 'hidden' });
  expect(visitor.complaints).toEqual([]);
});

test('an older commit is undone without what came after it', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  const first = await stack.edit('services/router/config.json', (config) => ({
    ...config,
    router_wake_window_sec: 8.5,
  }));
  await stack.edit('services/camera/config.json', (config) => ({ ...config, fps: 21 }));
  await page.goto(url(`/history/${first}`));
  await page.getByRole('button', { name: 'Undo this commit' }).click();
  await page.getByRole('dialog').getByText('8.5').waitFor();
  await page.keyboard.press('Control+Enter');
  await page.getByText(/Undone as epoch \d+/).waitFor();
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  const read = async (service: string) =>
    JSON.parse(await stack.git('show', `HEAD:services/${service}/config.json`));
  expect(await read('camera')).toMatchObject({ fps: 21 });
  expect((await read('router')).router_wake_window_sec).not.toBe(8.5);
  expect(visitor.complaints).toEqual([]);
});
