import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDaemonConfig, type ServeOptions } from './config.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'hw-config-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

const read = (options: ServeOptions = {}, env: Record<string, string> = {}) =>
  readDaemonConfig({ data, ...options }, env);
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error) => error.code,
  );

test('a data folder is all a daemon needs', async () => {
  const config = await read();
  expect(config).toMatchObject({
    dataDir: data,
    repo: { kind: 'own' },
    branch: 'main',
    http: { host: '127.0.0.1', port: 7070 },
    broker: { kind: 'embedded', listen: { host: '127.0.0.1', port: 7071 } },
    allowPlaintext: false,
    logLevel: 'info',
  });
  expect(Object.isFrozen(config) && Object.isFrozen(config.http)).toBe(true);
});

test('an option beats its variable, a variable beats the default, an empty one counts as none', async () => {
  const env = {
    HEADWATER_BRANCH: 'live',
    HEADWATER_HTTP: '127.0.0.1:1',
    HEADWATER_LOG_LEVEL: 'debug',
    HEADWATER_REPO: '',
  };
  const config = await read({ http: '127.0.0.1:2' }, env);
  expect([config.branch, config.http.port, config.logLevel, config.repo.kind]).toEqual([
    'live',
    2,
    'debug',
    'own',
  ]);
  expect(await code(readDaemonConfig({}, {}))).toBe('HW_USAGE');
  expect((await readDaemonConfig({}, { HEADWATER_DATA: data })).dataDir).toBe(data);
});

test('addresses are read in every usual form', async () => {
  const forms = {
    '[::1]:0': ['::1', 0],
    ':8080': ['127.0.0.1', 8080],
    'localhost:65535': ['localhost', 65535],
    '127.9.9.9:1': ['127.9.9.9', 1],
  };
  for (const [text, [host, port]] of Object.entries(forms)) {
    expect([text, (await read({ http: text })).http]).toEqual([text, { host, port }]);
  }
  for (const text of [
    '7070',
    'localhost',
    '::1:7070',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '256.1.1.1:1',
    'a b:1',
    '[::g]:1',
    'http://x:1',
    '',
  ]) {
    expect([text, await code(read({ http: text === '' ? ' ' : text }))]).toEqual([text, 'HW_USAGE']);
  }
});

test('a port that other machines reach is refused unless plaintext was allowed', async () => {
  for (const host of ['0.0.0.0', '[::]', '192.0.2.1', 'config.example', '[::ffff:192.0.2.1]']) {
    expect([host, await code(read({ http: `${host}:7070` }))]).toEqual([host, 'HW_INSECURE_LISTEN']);
    expect([host, await code(read({ mqtt: `${host}:7071` }))]).toEqual([host, 'HW_INSECURE_LISTEN']);
    expect([
      host,
      await code(read({ http: `${host}:7070`, mqtt: `${host}:7071`, allowPlaintext: true })),
    ]).toEqual([host, 'fine']);
  }
  expect(await code(read({ http: '0.0.0.0:1' }, { HEADWATER_ALLOW_PLAINTEXT: '1' }))).toBe('fine');
  expect(await code(read({ http: '0.0.0.0:1' }, { HEADWATER_ALLOW_PLAINTEXT: '0' }))).toBe(
    'HW_INSECURE_LISTEN',
  );
  expect(await code(read({}, { HEADWATER_ALLOW_PLAINTEXT: 'yes please' }))).toBe('HW_USAGE');
  expect(await code(read({ http: '[::1]:1', mqtt: 'localhost:2' }))).toBe('fine');
});

test('an outside broker must be encrypted unless it is on this machine', async () => {
  expect(await code(read({ mqtt: 'mqtt://broker.example' }))).toBe('HW_PLAINTEXT_BROKER');
  expect(await code(read({ mqtt: 'mqtt://broker.example', allowPlaintext: true }))).toBe('fine');
  expect((await read({ mqtt: 'mqtt://[::1]:1' })).broker).toMatchObject({ url: 'mqtt://[::1]:1' });
  expect((await read({ mqtt: 'mqtts://broker.example' })).broker).toEqual({
    kind: 'outside',
    url: 'mqtts://broker.example:8883',
  });
});

test('user and password of a broker leave the address, so that it can be shown', async () => {
  const { broker } = await read({ mqtt: 'mqtts://daemon:p%40ss@broker.example:8884' });
  expect(broker).toEqual({
    kind: 'outside',
    url: 'mqtts://broker.example:8884',
    username: 'daemon',
    password: 'p@ss',
  });
  for (const wrong of ['amqp://daemon:CANARY@broker.example', 'mqtts://daemon:CANARY%zz@broker.example']) {
    const failure = await read({ mqtt: wrong }).catch((error) => error);
    expect(failure.code).toBe('HW_USAGE');
    expect(JSON.stringify([failure.message, failure.hint, failure.details])).not.toContain('CANARY');
  }
});

test('a repository may be an address, and its credential comes from closest by', async () => {
  const repo = 'https://git.example/x.git';
  expect((await read({ repo })).repo).toEqual({ kind: 'url', url: repo, transport: 'https' });
  expect((await read({ repo: 'configs' })).repo).toEqual({ kind: 'path', path: resolve('configs') });
  await writeFile(join(data, 'config.json'), '{"remote":{"credentialHelper":"store","pollSeconds":9}}');
  const plain = await read();
  expect(plain.remote).toMatchObject({ credentialHelper: 'store', pollSeconds: 9 });
  const inEnv = await read({}, { HEADWATER_REPO_TOKEN: 'CANARY' });
  expect(inEnv.remote).toEqual({ username: 'x-access-token', pollSeconds: 9, token: 'CANARY' });
  const inFile = await read({}, { HEADWATER_REPO_TOKEN: 'CANARY', HEADWATER_REPO_TOKEN_FILE: '/run/t' });
  expect(inFile.remote).toEqual({ username: 'x-access-token', pollSeconds: 9, tokenFile: '/run/t' });
  const given = await read({ repoTokenFile: '/run/u' }, { HEADWATER_REPO_TOKEN_FILE: '/run/t' });
  expect(given.remote.tokenFile).toBe('/run/u');
});

test('config is not fetched over a foreign network without encryption unless that was allowed', async () => {
  expect(await code(read({ repo: 'http://git.example/x.git' }))).toBe('HW_PLAINTEXT_REPO');
  expect(await code(read({ repo: 'http://git.example/x.git', allowPlaintext: true }))).toBe('fine');
  expect(await code(read({ repo: 'http://127.0.0.1:3000/x.git' }))).toBe('fine');
});

test('a branch is a name that git would take', async () => {
  for (const branch of ['main', 'release/2026', 'a.b']) expect((await read({ branch })).branch).toBe(branch);
  for (const branch of [
    '-x',
    '../x',
    'a..b',
    'a b',
    'a.lock',
    'a//b',
    '/a',
    'a/',
    '@',
    'a@{1}',
    'a\u0000',
    'a/.b',
  ]) {
    expect([branch, await code(read({ branch }))]).toEqual([branch, 'HW_USAGE']);
  }
});

test('a config file with anything unknown in it stops the start', async () => {
  const file = join(data, 'config.json');
  expect(await code(read({ config: file }))).toBe('HW_USAGE');
  for (const [text, expected] of [
    ['{}', 'fine'],
    ['{"$schema":"x"}', 'fine'],
    ['{"webhook":1}', 'HW_USAGE'],
    ['[]', 'HW_USAGE'],
    ['{', 'HW_USAGE'],
  ]) {
    await writeFile(file, text as string);
    expect([text, await code(read()), await code(read({ config: file }))]).toEqual([
      text,
      expected,
      expected,
    ]);
  }
});

test('what is not there yet or misspelt is refused with a plain word', async () => {
  expect(await code(read({ tls: 'auto' }))).toBe('HW_USAGE');
  expect(await code(read({ logLevel: 'verbose' }))).toBe('HW_USAGE');
  expect(await code(read({}, { HEADWATER_LOG_FORMAT: 'pretty' }))).toBe('HW_USAGE');
  expect((await read({ logFormat: 'text' })).logFormat).toBe('text');
});
