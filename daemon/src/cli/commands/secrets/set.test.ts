import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
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

const canary = 'sk-canary-5Hq8';
const file = 'services/llm-worker/secrets.prod.json';

let template: SecretsTemplate;
let play: SecretsPlayground;
beforeAll(async () => {
  template = await makeSecretsTemplate();
});
afterAll(() => template[Symbol.dispose]());
beforeEach(async () => {
  play = await template.play();
});
afterEach(() => play[Symbol.dispose]());

const secrets = (...args: string[]) => play.secrets(...args);
const set = (pointer: string, ...args: string[]) =>
  secrets('set', 'llm-worker', pointer, '--env', 'prod', ...args);
const opened = (path = file) => play.opened(path);
const history = () => play.history();

test('a first secret needs no key: its file is made for whom the rule names, and committed under your name', async () => {
  play.input = `${canary}\n`;
  const done = await set('openai_api_key', '--json');
  expect(done).toMatchObject({ exit: 0, stderr: '' });
  expect(done.json()).toEqual({
    service: 'llm-worker',
    env: 'prod',
    pointer: '/openai_api_key',
    file,
    changed: true,
    commit: play.git('config', 'rev-parse', 'HEAD'),
  });
  expect(await opened()).toEqual({ '/openai_api_key': canary });
  expect(play.git('config', 'log', '-1', '--format=%an %s')).toBe(
    'Ada Set secret /openai_api_key of llm-worker in prod',
  );
  expect(play.git('config', 'status', '--porcelain')).toBe('');
  expect(done.stdout + history()).not.toContain(canary);
});

test('typed at a terminal it is asked for where it does not show', async () => {
  play.hidden = canary;
  const done = await set('/openai_api_key', '-m', 'The key of the new account');
  expect(done.exit).toBe(0);
  expect(done.stdout + done.stderr).not.toContain(canary);
  expect(await opened()).toEqual({ '/openai_api_key': canary });
  expect(play.git('config', 'log', '-1', '--format=%s')).toBe('The key of the new account');
});

test('a second one needs a key that opens the file, from --identity or where sops looks; without one it says so', async () => {
  play.input = canary;
  await set('openai_api_key');
  const before = history();
  const refused = await set('gemini_api_key', '--json');
  expect(refused.exit).toBe(1);
  const { error } = JSON.parse(refused.stderr);
  expect(error).toMatchObject({
    code: 'HW_SECRETS_NO_IDENTITY',
    hint: expect.stringContaining('--identity FILE'),
  });
  expect(error.hint).toContain('--data DIR');
  expect(history()).toBe(before);
  expect((await set('gemini_api_key', '--identity', 'ann.txt')).exit).toBe(0);
  play.env.SOPS_AGE_KEY_FILE = 'ann.txt';
  play.input = 'sk-other-9Wx2Lq7Zt4';
  expect((await set('openai_api_key')).exit).toBe(0);
  expect(await opened()).toEqual({ '/openai_api_key': 'sk-other-9Wx2Lq7Zt4', '/gemini_api_key': canary });
  const again = await set('openai_api_key', '--json');
  expect(again.json()).toMatchObject({ changed: false, commit: null });
});

test('base is every environment, and removing takes the value and, with the last one, the file', async () => {
  play.input = canary;
  play.env.SOPS_AGE_KEY_FILE = 'ann.txt';
  const base = await secrets('set', 'llm-worker', 'openai_api_key', '--env', 'base', '--json');
  expect(base.json()).toMatchObject({ file: 'services/llm-worker/secrets.json' });
  await secrets('set', 'llm-worker', 'gemini_api_key', '--env', 'base');
  expect((await secrets('remove', 'llm-worker', 'openai_api_key', '--env', 'base')).exit).toBe(0);
  expect(await opened('services/llm-worker/secrets.json')).toEqual({ '/gemini_api_key': canary });
  expect((await secrets('remove', 'llm-worker', 'gemini_api_key', '--env', 'base')).exit).toBe(0);
  expect(play.git('config', 'ls-files', 'services/llm-worker')).not.toContain('secrets');
  const nothing = await secrets('remove', 'llm-worker', 'gemini_api_key', '--env', 'base');
  expect(nothing.stdout).toContain('Nothing to change');
});

describe('is refused before anything is written', () => {
  test.each([
    [
      ['set', 'llm-worker', 'openai_api_key', canary, '--env', 'prod'],
      2,
      'does not belong on a command line',
    ],
    [['set', 'llm-worker', 'openai_api_key', '--env', 'prodd'], 1, 'Did you mean "prod"?'],
    [['set', 'llm-workr', 'openai_api_key', '--env', 'prod'], 1, 'Did you mean "llm-worker"?'],
    [['set', 'llm-worker', 'openai_key', '--env', 'prod'], 1, 'HW_SECRET_UNKNOWN'],
    [['set', 'llm-worker', 'max_tokens', '--env', 'prod'], 1, 'does not mark /max_tokens as a secret'],
    [['set', 'llm-worker', '', '--env', 'prod'], 2, 'names no setting'],
    [['set', 'llm-worker', 'openai_api_key'], 2, '--env'],
  ])('%j', async (args, _exit, words) => {
    play.input = canary;
    const before = history();
    const ran = await secrets(...args, '--json');
    expect(ran.exit).toBeGreaterThan(0);
    expect(ran.stderr).toContain(words.replaceAll('"', '\\"'));
    expect(ran.stdout + ran.stderr).not.toContain(canary);
    expect(history()).toBe(before);
  });

  test('an empty value, bytes that are no text, no value at all', async () => {
    for (const [input, words] of [
      ['\n', 'is empty'],
      [Buffer.from([0xff, 0xfe]), 'base64'],
      [null, 'there is no value'],
    ] as const) {
      play.input = input;
      const ran = await set('openai_api_key');
      expect([ran.exit, ran.stderr]).toEqual([2, expect.stringContaining(words)]);
    }
  });

  test('a value that does not satisfy its schema is named by its place, never shown', async () => {
    const path = join(play.folder, 'config/schemas/llm-worker.schema.json');
    const schema = JSON.parse(readFileSync(path, 'utf8'));
    schema.properties.openai_api_key.pattern = '^sk-live-';
    writeFileSync(path, JSON.stringify(schema, null, 2));
    play.git('config', 'commit', '-qam', 'Keys of the live account only');
    play.env.SOPS_AGE_KEY_FILE = 'ann.txt';
    play.input = canary;
    const ran = await set('openai_api_key', '--json');
    expect(JSON.parse(ran.stderr).error.code).toBe('HW_SECRET_INVALID');
    expect(ran.stderr).not.toContain(canary);
  });

  test('a file with changes of yours, and a path that no rule is for', async () => {
    play.input = canary;
    await set('openai_api_key');
    writeFileSync(join(play.folder, 'config', file), `${play.read(file)} `);
    expect((await set('gemini_api_key', '--identity', 'ann.txt')).stderr).toContain(
      'has uncommitted changes',
    );
    play.git('config', 'checkout', '-q', '.');
    writeFileSync(join(play.folder, 'config/.sops.yaml'), 'creation_rules: []\n');
    play.git('config', 'commit', '-qam', 'No rules');
    expect((await secrets('set', 'stt-worker', 'x', '--env', 'dev')).stderr).toContain('no creation rule');
  });

  test('a clone and a daemon at once, or neither', async () => {
    expect((await set('openai_api_key', '--url', 'http://x', '--token', 't')).exit).toBe(2);
    play.input = canary;
    const nowhere = await play.run('secrets', 'set', 'llm-worker', 'openai_api_key', '--env', 'prod');
    expect([nowhere.exit, nowhere.stderr]).toEqual([2, expect.stringContaining('give --repo DIR')]);
  });
});

describe('with a daemon', () => {
  let server: Server;
  let url: string;
  const asked: { method?: string | undefined; url?: string | undefined; message?: unknown; body: string }[] =
    [];
  beforeEach(async () => {
    asked.length = 0;
    server = createServer(async (request: IncomingMessage, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push({
        method: request.method,
        url: request.url,
        message: request.headers['headwater-message'],
        body,
      });
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ commit: 'c1'.repeat(20), changed: true, held: [{ env: 'prod' }] }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise<void>((done) => server.close(() => done())));

  test('the value goes in the body, never in the address', async () => {
    play.input = `${canary}\n`;
    const args = ['llm-worker', '/db/a b', '--env', 'prod', '--url', url, '--token', 't'];
    const done = await play.run('secrets', 'set', ...args);
    expect(done.exit).toBe(0);
    expect(done.stdout).toContain('it waits in prod');
    await play.run('secrets', 'remove', ...args);
    expect(asked).toEqual([
      {
        method: 'PUT',
        url: '/api/v1/services/llm-worker/secrets?env=prod&pointer=%2Fdb%2Fa+b',
        message: 'Set%20secret%20%2Fdb%2Fa%20b%20of%20llm-worker%20in%20prod',
        body: JSON.stringify({ value: canary }),
      },
      expect.objectContaining({ method: 'DELETE', body: '' }),
    ]);
  });
});
