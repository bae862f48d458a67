import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { changeSecretsFile } from '../../../secrets/change-secrets-file.ts';
import { openSopsFile } from '../../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { rotateDataKey, setSopsRecipients } from '../../../secrets/sops/recipients.ts';
import { defaultRule } from '../../../secrets/sops/selection-rule.ts';
import { makeTestKey, secretsFile, type TestKey } from '../../../testing/secrets-file.ts';
import {
  makeSecretsTemplate,
  type SecretsPlayground,
  type SecretsTemplate,
} from '../../testing/secrets-playground.ts';

vi.setConfig({ testTimeout: 30_000 });

const file = 'services/llm-worker/secrets.prod.json';
const now = new Date('2026-11-21T10:00:00Z');
let template: SecretsTemplate;
let play: SecretsPlayground;
let bob: TestKey;
beforeAll(async () => {
  template = await makeSecretsTemplate();
  bob = await makeTestKey();
});
afterAll(() => template[Symbol.dispose]());
beforeEach(async () => {
  play = await template.play();
});
afterEach(() => play[Symbol.dispose]());

const rules = (...keys: readonly (readonly [TestKey, string])[]) =>
  `creation_rules:\n  - path_regex: ^services/\n    age:\n${keys.map(([key, name]) => `      - ${key.recipient} # ${name}\n`).join('')}`;
const both = () => rules([play.ann, 'ann'], [bob, 'Bob, laptop']);
const open = (path: string) =>
  openSopsFile(parseSopsFile(play.read(path)), { identities: [play.ann.identity] });
async function save(values: Record<string, string>) {
  const changed = await changeSecretsFile(play.read(file), new Map(Object.entries(values)), {
    policy: { recipients: [], rule: defaultRule },
    keys: { identities: [play.ann.identity] },
    now,
  });
  play.commit({ [file]: changed.content as Uint8Array });
}
const removed = async (who: string, ...args: string[]) =>
  (await play.secrets('recipients', '--removed', who, '--json', ...args)).json<{
    keys: string[];
    opensNow: string[];
    values: { pointer: string; status: string; layer: string }[];
  }>();
const found = ({ values }: Awaited<ReturnType<typeof removed>>) =>
  values.map(({ pointer, status }) => `${pointer} ${status}`).sort();

test('lists who opens what, by the names that stand beside the keys', async () => {
  play.commit({
    '.sops.yaml': both(),
    [file]: await secretsFile({ openai_api_key: 'x' }, play.ann, bob),
    'services/llm-worker/recipients.prod.txt': `# llm-worker in prod, enrolled on host\n${bob.recipient}\n`,
  });
  const { stdout } = await play.secrets('recipients', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    files: [
      {
        ...{ file, service: 'llm-worker', layer: 'prod' },
        recipients: [
          { recipient: play.ann.recipient, name: 'ann' },
          { recipient: bob.recipient, name: 'llm-worker in prod, enrolled on host' },
        ],
      },
    ],
    services: [{ service: 'llm-worker', layer: 'prod', recipients: [{ recipient: bob.recipient }] }],
  });
  expect((await play.secrets('recipients')).stdout).toContain(`  ${play.ann.recipient}  ann`);
});

describe('what somebody could read', () => {
  beforeEach(async () => {
    play.commit({
      '.sops.yaml': both(),
      [file]: await secretsFile({ openai_api_key: 'one', gemini_api_key: 'two' }, play.ann, bob),
    });
  });

  test('is everything that still opens for them', async () => {
    const { keys, opensNow, ...rest } = await removed('bob, LAPTOP');
    expect([keys, opensNow]).toEqual([[bob.recipient], [file]]);
    expect(found({ keys, opensNow, ...rest })).toEqual(['/gemini_api_key known', '/openai_api_key known']);
  });

  test('stays theirs after the key was taken away, until the value changes', async () => {
    using opened = await open(file);
    play.commit({
      '.sops.yaml': rules([play.ann, 'ann']),
      [file]: await rotateDataKey(opened, { now, recipients: [play.ann.recipient] }),
    });
    // Encrypted anew: without a key nobody can tell whether the values are the same.
    expect(found(await removed(bob.recipient))).toEqual([
      '/gemini_api_key unknown',
      '/openai_api_key unknown',
    ]);
    expect(found(await removed('Bob, laptop', '--identity', 'ann.txt'))).toEqual([
      '/gemini_api_key known',
      '/openai_api_key known',
    ]);
    await save({ '/openai_api_key': 'three' });
    const after = await removed('Bob, laptop', '--identity', 'ann.txt');
    expect(after.opensNow).toEqual([]);
    expect(found(after)).toEqual(['/gemini_api_key known']);
    const text = await play.secrets('recipients', '--removed', 'Bob, laptop', '--identity', 'ann.txt');
    expect(text.stdout).toContain('1 value in use could be read');
    expect(text.stdout).not.toContain('three');
  });

  test('is also what was written under the data key that they may have kept', async () => {
    using opened = await open(file);
    play.commit({
      '.sops.yaml': rules([play.ann, 'ann']),
      [file]: await setSopsRecipients(opened, [play.ann.recipient]),
    });
    await save({ '/openai_api_key': 'three' });
    const after = await removed(bob.recipient);
    expect(after.opensNow).toEqual([file]);
    expect(found(after)).toEqual(['/gemini_api_key known', '/openai_api_key known']);
  });

  test('is what a service of theirs got sealed', async () => {
    const carol = await makeTestKey();
    const recipients = 'services/llm-worker/recipients.prod.txt';
    play.commit({ [recipients]: `# carol's box\n${carol.recipient}\n` });
    expect(found(await removed("carol's box", '--identity', 'ann.txt'))).toEqual([
      '/gemini_api_key known',
      '/openai_api_key known',
    ]);
    play.commit({ [recipients]: `${play.ann.recipient}\n` });
    await save({ '/openai_api_key': 'three' });
    expect(found(await removed(carol.recipient, '--identity', 'ann.txt'))).toEqual(['/gemini_api_key known']);
    const dev = 'services/llm-worker/recipients.dev.txt';
    const dave = await makeTestKey();
    play.commit({ [dev]: `${dave.recipient}\n` });
    expect(found(await removed(dave.recipient, '--identity', 'ann.txt'))).toEqual([]);
  });
});

test('a name that nobody ever had is told', async () => {
  writeFileSync(join(play.folder, 'x'), '');
  const ran = await play.secrets('recipients', '--removed', 'mallory');
  expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('age1…')]);
});
