import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDataFolder } from '../../../adapters/data/data-folder.ts';
import { openIdentityStore, readRecipient } from '../../../adapters/data/identity-store.ts';
import { createSecretsOpener } from '../../../secrets/secrets-opener.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { makeTestKey, secretsFile, type TestKey } from '../../../testing/secrets-file.ts';
import { makeDataScene } from '../../testing/data-scene.ts';
import {
  makeSecretsTemplate,
  type SecretsPlayground,
  type SecretsTemplate,
} from '../../testing/secrets-playground.ts';

// The worker is a built file; tests judge with the same compiler in this thread.
vi.mock('../../../adapters/schema-validator.ts', async () => {
  const { createInlineSchemaValidator } = await import('../../../testing/schema-validator.ts');
  return { createSchemaValidator: createInlineSchemaValidator };
});
vi.setConfig({ testTimeout: 30_000 });

const canary = 'sk-canary-1Nf9';
const [dev, prod] = ['services/llm-worker/secrets.dev.json', 'services/llm-worker/secrets.prod.json'];
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
  play.env.SOPS_AGE_KEY_FILE = 'ann.txt';
  play.commit({
    [dev]: await secretsFile({ openai_api_key: canary }, play.ann),
    [prod]: await secretsFile({ openai_api_key: `${canary}-p`, gemini_api_key: `${canary}-g` }, play.ann),
  });
});
afterEach(() => play[Symbol.dispose]());

const rotate = (...args: string[]) => play.secrets('rotate', ...args);
const recipientsOf = (path: string) =>
  parseSopsFile(play.read(path)).metadata.age.map(({ recipient }) => recipient);
const sealed = (path: string) =>
  play
    .read(path)
    .toString()
    .match(/ENC\[[^\]]*\]/g);

test('somebody new opens every file in one commit, and no value is encrypted anew', async () => {
  const before = [sealed(dev), sealed(prod)];
  const done = await rotate('--recipient', bob.recipient, '--name', 'bob', '--json');
  expect(done.exit).toBe(0);
  expect(done.json()).toMatchObject({
    changed: true,
    commit: play.git('config', 'rev-parse', 'HEAD'),
    files: [
      { file: dev, added: [bob.recipient], removed: [], newDataKey: false },
      { file: prod, newDataKey: false },
    ],
    values: [],
  });
  expect([sealed(dev), sealed(prod)]).toEqual(before);
  expect(await play.opened(prod, bob)).toEqual({
    '/openai_api_key': `${canary}-p`,
    '/gemini_api_key': `${canary}-g`,
  });
  expect(play.read('.sops.yaml').toString()).toContain(`- ${bob.recipient} # bob`);
  expect(play.git('config', 'log', '-1', '--format=%s')).toBe('Let bob open secrets');
  expect((await play.secrets('check')).exit).toBe(0);
  expect((await rotate('--recipient', bob.recipient, '--json')).json()).toMatchObject({
    changed: false,
    commit: null,
  });
});

test('who leaves opens nothing new, and the values are listed that they know', async () => {
  await rotate('--recipient', bob.recipient, '--name', 'bob');
  const before = sealed(prod);
  const done = await rotate('--remove', 'Bob', '--json');
  const { files, values } = done.json<{
    files: { newDataKey: boolean }[];
    values: { pointer: string; status: string }[];
  }>();
  expect(files.map(({ newDataKey }) => newDataKey)).toEqual([true, true]);
  expect(values.map(({ pointer, status }) => `${pointer} ${status}`).sort()).toEqual([
    '/gemini_api_key known',
    '/openai_api_key known',
    '/openai_api_key known',
  ]);
  expect(recipientsOf(prod)).toEqual([play.ann.recipient]);
  await expect(play.opened(prod, bob)).rejects.toMatchObject({ code: 'HW_SECRETS_NO_IDENTITY' });
  expect(sealed(prod)?.some((one) => before?.includes(one))).toBe(false);
  expect(await play.opened(prod)).toEqual({
    '/openai_api_key': `${canary}-p`,
    '/gemini_api_key': `${canary}-g`,
  });
  expect(play.read('.sops.yaml').toString()).not.toContain(bob.recipient);
  const text = await play.secrets('recipients', '--removed', 'bob');
  expect(text.stdout).toContain('3 values in use could be read');
  expect(done.stdout + text.stdout + play.history()).not.toContain(canary);
});

test('a key is replaced in one commit, for the files of one rule alone', async () => {
  play.commit({
    '.sops.yaml': `creation_rules:\n  - path_regex: dev\n    age: ${play.ann.recipient} # ann\n  - path_regex: .*\n    age: ${play.ann.recipient}\n`,
  });
  const done = await rotate(
    '--recipient',
    bob.recipient,
    '--remove',
    play.ann.recipient,
    '--for',
    dev,
    '--json',
  );
  expect(done.json()).toMatchObject({
    files: [{ file: dev, added: [bob.recipient], removed: [play.ann.recipient], newDataKey: true }],
  });
  expect(recipientsOf(dev)).toEqual([bob.recipient]);
  expect(recipientsOf(prod)).toEqual([play.ann.recipient]);
  expect(await play.opened(dev, bob)).toEqual({ '/openai_api_key': canary });
});

test('new data keys for everybody; a rule that somebody wrote by hand is caught up with', async () => {
  const before = sealed(dev);
  const done = await rotate('--data-keys', '--json');
  expect(done.json()).toMatchObject({ files: [{ newDataKey: true }, { newDataKey: true }] });
  expect(sealed(dev)?.some((one) => before?.includes(one))).toBe(false);
  play.commit({ '.sops.yaml': `creation_rules:\n  - age: ${play.ann.recipient},${bob.recipient}\n` });
  expect((await play.secrets('check')).exit).toBe(1);
  await rotate('--data-keys');
  expect((await play.secrets('check')).exit).toBe(0);
});

describe('changes nothing', () => {
  test.each([
    [['--recipient', 'age1x'], 'not an age public key'],
    [['--remove', 'mallory'], 'ever named "mallory"'],
    [['--name', 'bob', '--data-keys'], '--recipient'],
    [['--recipient', `age1${'q'.repeat(58)}`, '--for', 'nowhere'], ''],
  ])('%j', async (args, words) => {
    const before = play.history();
    const ran = await rotate(...args);
    expect(ran.exit).toBeGreaterThan(0);
    expect(ran.stderr).toContain(words);
    expect(play.history()).toBe(before);
  });

  test('the last key of a rule, and a file that nobody here opens', async () => {
    expect((await rotate('--remove', play.ann.recipient)).stderr).toContain('would name no key');
    play.commit({ [dev]: await secretsFile({ openai_api_key: canary }, bob) });
    const closed = await rotate('--data-keys', '--json');
    const { error } = JSON.parse(closed.stderr);
    expect(error).toMatchObject({ code: 'HW_SECRETS_NO_IDENTITY', details: { file: dev } });
    expect(closed.stderr).not.toContain(canary);
  });
});

test('lists values by their age; a new data key makes none younger for who can open it', async () => {
  play.env.GIT_COMMITTER_DATE = '2026-01-05T10:00:00Z';
  await rotate('--data-keys');
  play.env.GIT_COMMITTER_DATE = '2026-06-05T10:00:00Z';
  play.input = `${canary}-new`;
  await play.secrets('set', 'llm-worker', 'gemini_api_key', '--env', 'prod');
  const list = async (...args: string[]) =>
    (await rotate('--json', ...args)).json<{
      values: { layer: string; pointer: string; since: string; sure: boolean }[];
    }>().values;
  const ages = await list();
  expect(ages.find(({ pointer }) => pointer === '/gemini_api_key')).toMatchObject({
    since: '2026-06-05T10:00:00.000Z',
    sure: true,
  });
  expect(ages.filter(({ since }) => since.startsWith('2026-01-05'))).toEqual([]);
  delete play.env.SOPS_AGE_KEY_FILE;
  const blind = await list();
  expect(blind.filter(({ since, sure }) => since.startsWith('2026-01-05') && !sure)).toHaveLength(2);
  const text = await rotate('--older-than', '1d');
  expect(text.stdout).toContain('or earlier: encrypted anew then');
});

test('on the machine of the daemon its own keys do it, and it is recorded', async () => {
  const scene = await makeDataScene(play.folder);
  try {
    const config = `${scene.path}/repo.git`;
    play.git('.', 'clone', '-q', config, 'own');
    writeFileSync(`${play.folder}/own/.sops.yaml`, `creation_rules:\n  - age: ${scene.recipient}\n`);
    writeFileSync(`${play.folder}/own/${dev}`, await secretsFile({ openai_api_key: canary }, scene));
    play.git('own', 'add', '-A');
    play.git('own', 'commit', '-qm', 'Secrets');
    play.git('own', 'push', '-q');
    delete play.env.SOPS_AGE_KEY_FILE;
    const done = await play.run(
      'secrets',
      'rotate',
      '--recipient',
      bob.recipient,
      '--name',
      'bob',
      '--data',
      'data',
    );
    expect([done.exit, done.stdout]).toEqual([
      0,
      expect.stringContaining('1 secrets file (0 new data keys)'),
    ]);
    const audit = await play.run('audit', 'export', '--data', 'data');
    expect(JSON.parse(audit.stdout.trim().split('\n').at(-1) as string)).toMatchObject({
      action: 'recipients',
      details: { added: bob.recipient, files: 1, newDataKeys: 0 },
    });
  } finally {
    await scene[Symbol.asyncDispose]();
  }
});

test('the daemon gets a new key beside the old one, which is closed out by a second commit', async () => {
  const scene = await makeDataScene(play.folder);
  try {
    play.git('.', 'clone', '-q', `${scene.path}/repo.git`, 'own');
    writeFileSync(`${play.folder}/own/.sops.yaml`, `creation_rules:\n  - age: ${scene.recipient}\n`);
    writeFileSync(`${play.folder}/own/${dev}`, await secretsFile({ openai_api_key: canary }, scene));
    play.git('own', 'add', '-A');
    play.git('own', 'commit', '-qm', 'Secrets');
    play.git('own', 'push', '-q');
    delete play.env.SOPS_AGE_KEY_FILE;
    const identities = await openIdentityStore(await openDataFolder(scene.path, { exclusive: false }));
    const data = (...args: string[]) => play.run('secrets', 'rotate', ...args, '--data', 'data');
    const done = await data('--daemon-key');
    expect([done.exit, done.stderr]).toEqual([0, expect.stringContaining(`--remove ${scene.recipient}`)]);
    const fileNow = () => parseSopsFile(Buffer.from(play.git(`data/repo.git`, 'show', `main:${dev}`)));
    const keysNow = () => fileNow().metadata.age.map(({ recipient }) => recipient);
    const [old, fresh] = keysNow();
    expect([old, await readRecipient({ keysDir: `${scene.path}/keys` })]).toEqual([scene.recipient, fresh]);
    expect((await data('--remove', scene.recipient)).exit).toBe(0);
    expect(keysNow()).toEqual([fresh]);
    // The running daemon has only the old key in its hand; it looks again when that opens nothing.
    const opener = createSecretsOpener({ identities, reload: () => identities.reload() });
    const layer = { path: dev, layer: 'dev', mode: '100644', oid: 'x' };
    expect(await opener(layer, fileNow().bytes)).toEqual(new Map([['/openai_api_key', canary]]));
    expect(identities.recipient).toBe(fresh);
    const stranger = await secretsFile({ openai_api_key: canary }, bob);
    await expect(opener(layer, stranger)).rejects.toMatchObject({ code: 'HW_SECRET_UNREADABLE' });
  } finally {
    await scene[Symbol.asyncDispose]();
  }
});

test('a new key of the daemon that cannot be committed is taken back', async () => {
  const scene = await makeDataScene(play.folder);
  try {
    delete play.env.SOPS_AGE_KEY_FILE;
    const before = readFileSync(`${scene.path}/keys/secrets.identity`, 'utf8');
    const failed = await play.run('secrets', 'rotate', '--daemon-key', '--data', 'data', '--repo', 'config');
    expect(failed.exit).toBeGreaterThan(0);
    expect(readFileSync(`${scene.path}/keys/secrets.identity`, 'utf8')).toBe(before);
    expect(await readRecipient({ keysDir: `${scene.path}/keys` })).toBe(scene.recipient);
  } finally {
    await scene[Symbol.asyncDispose]();
  }
});
