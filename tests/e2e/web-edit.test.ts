import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { phone, type Visit, visit } from '../support/browser.ts';
import { root, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let threshold = 0.5;
const baseFile = 'services/stt-worker/config.json';

beforeAll(async () => {
  stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const sample = stack.start(`${root}examples/stt-worker/service.mjs`, {
    env: { HEADWATER_CONNECTION: connection },
  });
  await sample.waitFor(/started from live config/);
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());
beforeEach(() => {
  threshold = Math.round((threshold + 0.01) * 100) / 100;
});

const url = (path: string) => `${stack.ready.http}${path}`;
const setting = ({ page }: Visit, name: string) => page.locator(`[data-pointer="/${name}"]`);

/** Opens the settings that all environments share. */
async function openSettings(visitor: Visit, service = 'stt-worker'): Promise<void> {
  await visitor.page.goto(url(`/services/${service}?env=dev`));
  await visitor.page.getByRole('button', { name: /^All \d/ }).click();
  await visitor.page.getByRole('button', { name: 'all environments' }).click();
}

const review = ({ page }: Visit) => page.getByRole('dialog', { name: 'Review' });
/** Waits until the page says that the draft is a commit; its number. */
async function committed({ page }: Visit): Promise<string> {
  const toast = page.getByText(/Committed as epoch \d+/).first();
  await toast.waitFor();
  return /\d+/.exec(await toast.innerText())?.[0] ?? '';
}
const push = (change: (config: Record<string, unknown>) => unknown) => stack.edit(baseFile, change);

test('one value in three actions: typed, reviewed, committed; the running client takes it and the page shows it', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await openSettings(visitor);
  await page.getByText('1 of 1 client on this epoch').waitFor();
  await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
  await page.keyboard.press('Control+s');
  await review(visitor).getByText('Applies live to 1 client.').waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await page.keyboard.press('Control+Enter');
  const seq = await committed(visitor);
  await page.locator('.bar-epoch', { hasText: `#${seq}` }).waitFor();
  await page
    .locator('.page-head', { hasText: `#${seq}` })
    .getByText('1 of 1 client on this epoch')
    .waitFor();
  expect(await page.locator('.save-bar').count()).toBe(0);
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  expect(await stack.git('log', '-1', '--format=%s')).toContain(
    `Set vad_threshold to ${threshold} in stt-worker`,
  );
  expect(visitor.complaints).toEqual([]);
});

test('without a mouse: filter, value, review, message, commit', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await openSettings(visitor);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const tabTo = async (name: RegExp) => {
    for (let step = 0; step < 200; step++) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => {
        const element = document.activeElement as HTMLInputElement | null;
        return (element?.labels?.[0]?.innerText || element?.ariaLabel || element?.innerText || '').trim();
      });
      if (name.test(focused)) return;
    }
    throw new Error(`no way to ${name} with the Tab key`);
  };
  await tabTo(/^Filter settings/);
  await page.keyboard.type('speech prob');
  await tabTo(/^Speech probability/);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(String(threshold));
  await tabTo(/^Review and commit/);
  await page.keyboard.press('Enter');
  await review(visitor).getByText('Applies live').waitFor();
  await tabTo(/^Message/);
  await page.keyboard.type('Typed without a mouse');
  await tabTo(/^Commit/);
  await page.keyboard.press('Enter');
  await committed(visitor);
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  expect(await stack.git('log', '-1', '--format=%s')).toBe('Typed without a mouse');
  expect(visitor.complaints).toEqual([]);
});

describe('two people', () => {
  test('who change different settings do not disturb each other', async () => {
    await using visitor = await visit(stack.ready);
    await openSettings(visitor);
    await setting(visitor, 'vad_threshold').locator('input').fill('0.');
    await push((config) => ({ ...config, partial_interval_ms: 640 }));
    await expect
      .poll(() => setting(visitor, 'partial_interval_ms').locator('input').inputValue())
      .toBe('640');
    expect(await setting(visitor, 'vad_threshold').locator('input').inputValue()).toBe('0.');
    expect(visitor.complaints).toEqual([]);
  });

  test('who change the same setting: the page says so at once, and the review asks whose value it shall be', async () => {
    await using visitor = await visit(stack.ready);
    const { page } = visitor;
    await openSettings(visitor);
    await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
    await push((config) => ({ ...config, vad_threshold: 0.11 }));
    await setting(visitor, 'vad_threshold').getByText('Somebody set this to 0.11 meanwhile.').waitFor();
    await page.keyboard.press('Control+s');
    const commit = review(visitor).getByRole('button', { name: 'Commit merged' });
    await review(visitor).getByText('1 setting to pick').waitFor();
    expect(await visitor.accessibility()).toEqual([]);
    expect(await commit.isDisabled()).toBe(true);
    await review(visitor).getByRole('radio', { name: 'Theirs' }).check();
    await review(visitor).getByText('Nothing changes.').waitFor();
    await review(visitor).getByRole('radio', { name: 'Yours' }).check();
    await review(visitor).getByText(`${threshold}`, { exact: true }).waitFor();
    await commit.click();
    await committed(visitor);
    await page.getByText('1 of 1 client on this epoch').waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  test('of whom one is faster by a moment: refused, shown beside each other, committed merged', async () => {
    await using visitor = await visit(stack.ready);
    const { page } = visitor;
    visitor.forgive(/409/);
    // Nothing tells this page what the other one does.
    await page.route('**/api/v1/events', () => {});
    await openSettings(visitor);
    await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
    await page.keyboard.press('Control+s');
    const commit = review(visitor).getByRole('button', { name: 'Commit' });
    await expect.poll(() => commit.isEnabled()).toBe(true);
    await push((config) => ({ ...config, vad_threshold: 0.12, partial_interval_ms: 650 }));
    await commit.click();
    await review(visitor).getByText('1 setting to pick').waitFor();
    await review(visitor).getByLabel('Yours: Speech probability').fill('0.13');
    await page.keyboard.press('Control+Enter');
    await committed(visitor);
    await stack.git('pull', '-q', '--rebase', 'origin', 'main');
    const config = JSON.parse(await stack.git('show', `HEAD:${baseFile}`));
    expect(config).toMatchObject({ vad_threshold: 0.13, partial_interval_ms: 650 });
    expect(visitor.complaints).toEqual([]);
  });

  test('in two tabs of one browser: each says that there is another', async () => {
    await using visitor = await visit(stack.ready);
    const second = await visitor.page.context().newPage();
    await openSettings(visitor);
    await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
    await second.goto(url('/services/stt-worker?env=dev'));
    await second.getByRole('button', { name: /^All \d/ }).click();
    await second.getByRole('button', { name: 'all environments' }).click();
    const other = second.locator('[data-pointer="/vad_threshold"] input');
    expect(await other.inputValue()).toBe(String(threshold));
    await other.fill(`${threshold}1`);
    await visitor.page.getByText('You edit this in another tab, too.').waitFor();
    await second.keyboard.press('Control+s');
    await second.getByText('Applies live').waitFor();
    await second.keyboard.press('Control+Enter');
    await second.getByText(/Committed as epoch \d+/).waitFor();
    await setting(visitor, 'vad_threshold')
      .getByText(/Somebody set this to/)
      .waitFor();
    expect(visitor.complaints).toEqual([]);
  });
});

describe('a value that cannot be', () => {
  test('is named at its field while one types, and by the daemon when only it knows', async () => {
    await using visitor = await visit(stack.ready);
    const { page } = visitor;
    await openSettings(visitor);
    await setting(visitor, 'vad_threshold').locator('input').fill('7');
    await setting(visitor, 'vad_threshold').getByText('At most 1.').waitFor();
    expect(await page.getByRole('button', { name: 'Review and commit' }).isDisabled()).toBe(true);
    expect(await visitor.accessibility()).toEqual([]);
    await page.getByRole('link', { name: 'JSON' }).click();
    const editor = page.getByRole('textbox', { name: 'Settings as JSON' });
    await editor.press('Control+a');
    await page.keyboard.insertText('{"vad_threshold": "loud"}');
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await setting(visitor, 'vad_threshold').getByText('Write a number.').waitFor();
    await page.getByRole('link', { name: 'JSON' }).click();
    await editor.press('Control+a');
    await page.keyboard.insertText('{"vad_treshold": 0.5}');
    await page.getByText('The daemon would refuse this').waitFor();
    expect(visitor.complaints).toEqual([]);
  });
});

test('JSON and form are one draft: completion, a mark where it is wrong, the same edit on both tabs', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await openSettings(visitor);
  await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
  await page.getByRole('link', { name: 'JSON' }).click();
  const editor = page.getByRole('textbox', { name: 'Settings as JSON' });
  await expect.poll(() => editor.innerText()).toContain(`"vad_threshold": ${threshold}`);
  expect(await visitor.accessibility()).toEqual([]);
  await editor.press('Control+End');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.type(', "openai_t');
  await page.getByText('OpenAI timeout').first().click();
  await expect.poll(() => editor.innerText()).toContain('"openai_timeout_s": 30');
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByText('2 edits').waitFor();
  expect(await setting(visitor, 'openai_timeout_s').locator('input').inputValue()).toBe('30');
  expect(visitor.complaints).toEqual([]);
});

test('a session that ends in the middle of an edit: log in again, nothing is lost', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  visitor.forgive(/401/);
  await openSettings(visitor);
  await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
  await page.context().clearCookies();
  await page.keyboard.press('Control+s');
  await page.getByText('Your session ended.').waitFor();
  expect(await visitor.accessibility()).toEqual([]);
  await page.getByLabel('Token').fill(await adminToken());
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Your session ended.').waitFor({ state: 'hidden' });
  await review(visitor).getByText('Applies live').waitFor();
  await page.keyboard.press('Control+Enter');
  await committed(visitor);
  expect(visitor.complaints).toEqual([]);
});

test('a reload keeps the draft; discarding it can be undone', async () => {
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  await openSettings(visitor);
  const field = setting(visitor, 'vad_threshold').locator('input');
  await field.fill('0.9');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload();
  await page.getByRole('button', { name: /all environments.*1 edit/ }).click();
  expect(await field.inputValue()).toBe('0.9');
  await page.getByRole('button', { name: 'Discard' }).click();
  expect(await page.locator('.save-bar').count()).toBe(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  expect(await field.inputValue()).toBe('0.9');
  await page.getByRole('button', { name: 'Discard' }).click();
  expect(visitor.complaints).toEqual([]);
});

test('on a phone: edit, review, commit with a finger, conflict columns as cards', async () => {
  await using visitor = await visit(stack.ready, { viewport: phone, touch: true });
  const { page } = visitor;
  await openSettings(visitor);
  await setting(visitor, 'vad_threshold').locator('input').fill(String(threshold));
  await push((config) => ({ ...config, vad_threshold: 0.21 }));
  await setting(visitor, 'vad_threshold')
    .getByText(/Somebody set this to/)
    .waitFor();
  await page.getByRole('button', { name: 'Review and commit' }).tap();
  await review(visitor).getByText('1 setting to pick').waitFor();
  expect(await visitor.smallTargets()).toEqual([]);
  expect(await visitor.accessibility()).toEqual([]);
  await review(visitor).getByText('Yours', { exact: true }).tap();
  await review(visitor).getByRole('button', { name: 'Commit merged' }).tap();
  await committed(visitor);
  expect(visitor.complaints).toEqual([]);
});

test('a viewer may look, not change', async () => {
  const made = await stack.headwater(
    'token',
    'create',
    '--role',
    'viewer',
    '--name',
    'Vera',
    '--data',
    stack.data,
  );
  const token = /hw_\S+/.exec(made.stdout)?.[0] ?? '';
  await using visitor = await visit(stack.ready);
  const { page } = visitor;
  visitor.forgive(/401/);
  await page.context().clearCookies();
  await page.goto(url('/services/stt-worker?env=dev'));
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('You may look, not change: your role is viewer here.').waitFor();
  expect(await page.locator('.field-row input:enabled').count()).toBe(0);
  expect(visitor.complaints).toEqual([]);
});

test('a setting that somebody removes from the schema while it is edited: the page says so and shows what was typed', async () => {
  await using visitor = await visit(stack.ready);
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  await stack.push({
    'schemas/short.schema.json': JSON.stringify(shortSchema(['a', 'b'])),
    'services/short/config.json': JSON.stringify({ a: 'x' }),
  });
  await openSettings(visitor, 'short');
  await setting(visitor, 'b').locator('input').fill('typed already');
  await stack.push({ 'schemas/short.schema.json': JSON.stringify(shortSchema(['a'])) });
  await visitor.page.getByText('These settings are gone').waitFor();
  await visitor.page.getByText('typed already').waitFor();
  await visitor.page.getByRole('button', { name: 'I noted it' }).click();
  expect(await visitor.page.locator('.save-bar').count()).toBe(0);
  expect(visitor.complaints).toEqual([]);
});

const shortSchema = (names: readonly string[]) => ({
  title: 'Short',
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    names.map((name) => [name, { type: 'string', title: name, 'x-hw': { level: 'simple' } }]),
  ),
});

async function adminToken(): Promise<string> {
  return (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
}
