import { chmod, mkdtemp, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../ports.ts';
import { buildDataScript, type DataScript } from '../../testing/data-process.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openTokenStore } from './token-store.ts';

const start = Date.parse('2026-05-01T12:00:00.000Z');
const dayMs = 24 * 60 * 60 * 1000;
let script: DataScript;
let folder: DataFolder;
let file: string;
let time: number;
const clock: Clock = { now: () => time, monotonic: () => time };

beforeAll(async () => {
  script = await buildDataScript();
});
afterAll(() => script.remove());
beforeEach(async () => {
  time = start;
  const root = await mkdtemp(join(tmpdir(), 'hw-tokens-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
  file = join(folder.path, 'tokens.json');
});
afterEach(async () => {
  await folder.release();
  await rm(join(folder.path, '..'), { recursive: true, force: true });
});

const errors: string[] = [];
const open = () => openTokenStore(folder, clock, { error: (_, message) => errors.push(message) });
const viewer = { role: 'viewer', name: 'Ada' } as const;
const service = { role: 'service', name: 'stt', env: 'dev', service: 'stt' } as const;

test('a token works from the moment it is made, and its secret is stored nowhere', async () => {
  const store = await open();
  const { token, record } = await store.create(viewer);
  expect(token).toMatch(/^hw_[a-z0-9]{12}_[A-Za-z0-9]{43}$/);
  expect(store.verify(token)).toEqual(record);
  expect((await open()).verify(token)).toEqual(record);
  const text = await readFile(file, 'utf8');
  expect(text).not.toContain(token.split('_')[2]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.stringify([store.list(), record])).not.toMatch(/[0-9a-f]{64}/);
});

test('anything but the exact token is refused', async () => {
  const store = await open();
  const { token, record } = await store.create(viewer);
  const last = token.at(-1) === 'A' ? 'B' : 'A';
  const other = (await store.create(viewer)).token;
  const mixed = `hw_${record.id}_${other.split('_')[2]}`;
  const hash = JSON.parse(await readFile(file, 'utf8')).tokens[0].hash;
  for (const wrong of [
    '',
    'hw_',
    token.slice(0, -1) + last,
    `${token}a`,
    ` ${token}`,
    token.toLowerCase(),
    mixed,
    hash,
    `hw_${record.id}_${hash.slice(0, 43)}`,
    '__proto__',
  ]) {
    expect([wrong, store.verify(wrong)]).toEqual([wrong, null]);
  }
});

test('tokens of people end after 90 days unless asked, tokens of services do not', async () => {
  const store = await open();
  const person = await store.create(viewer);
  const short = await store.create({ ...viewer, expiresInMs: 1000 });
  const robot = await store.create(service);
  expect(person.record.expiresAt).toBe(new Date(start + 90 * dayMs).toISOString());
  expect(robot.record.expiresAt).toBeUndefined();
  time = start + 1000;
  expect(store.verify(short.token)).toBeNull();
  expect(store.verify(person.token)).not.toBeNull();
  time = start + 90 * dayMs;
  expect(store.verify(person.token)).toBeNull();
  expect(store.verify(robot.token)).not.toBeNull();
});

test('a revocation by another process counts with the next decision', async () => {
  const daemon = await open();
  const command = await open();
  const { token, record } = await daemon.create(viewer);
  expect(daemon.verify(token)).not.toBeNull();
  const revoked = await command.revoke(record.id);
  expect(daemon.verify(token)).toBeNull();
  time += 5000;
  expect((await command.revoke(record.id)).revokedAt).toBe(revoked.revokedAt);
  await expect(command.revoke('aaaaaaaaaaaa')).rejects.toMatchObject({ code: 'HW_NOT_FOUND' });
});

test('whoever gives a whole token where an id belongs does not see it repeated', async () => {
  const store = await open();
  const { token } = await store.create(viewer);
  const error = await store.revoke(token).catch((one) => one);
  expect(error.code).toBe('HW_NOT_FOUND');
  expect(`${error.message} ${error.hint}`).not.toContain(token.split('_')[2]);
});

test('two processes that make tokens at the same time lose none', async () => {
  const store = await open();
  const processes = [script.start('create', folder.path, 15), script.start('create', folder.path, 15)];
  const own = Promise.all(Array.from({ length: 5 }, () => store.create(viewer)));
  expect(await Promise.all(processes.map((one) => one.nextLine()))).toEqual(['done', 'done']);
  for (const { token } of await own) expect(store.verify(token)).not.toBeNull();
  const names = store.list().map((one) => one.name);
  expect(names).toHaveLength(35);
});

const damage: readonly (readonly [string, (text: string) => string])[] = [
  ['empty', () => ''],
  ['cut short', (text) => text.slice(0, -10)],
  ['no list', () => '{"headwater":1,"tokens":{}}'],
  ['newer', (text) => text.replace('"headwater": 1', '"headwater": 2')],
  ['unknown role', (text) => text.replace('"viewer"', '"root"')],
  ['bad hash', (text) => text.replace(/"hash": "../, '"hash": "')],
  ['bad time', (text) => text.replace(/"expiresAt": "[^"]*"/, '"expiresAt": "never"')],
  ['time as number', (text) => text.replace(/"expiresAt": "[^"]*"/, '"expiresAt": 99999999999999')],
  ['twice the same id', (text) => text.replace(/\[([\s\S]*)\]/, '[$1,$1]')],
  ['duplicate key', (text) => text.replace('"role"', '"role": "admin", "role"')],
];
test.each(damage)(
  'a token file that is damaged (%s) lets nobody in and is not written over',
  async (_, harm) => {
    const store = await open();
    const { token, record } = await store.create(viewer);
    const good = await readFile(file, 'utf8');
    await writeFile(file, harm(good));
    const harmed = await readFile(file, 'utf8');
    expect(harmed).not.toBe(good);
    errors.length = 0;
    expect([store.verify(token), store.verify(token)]).toEqual([null, null]);
    expect(errors).toEqual(['token file cannot be used, no token is accepted']);
    await expect(store.create(viewer)).rejects.toMatchObject({ code: 'HW_TOKEN_FILE' });
    await expect(store.revoke(record.id)).rejects.toMatchObject({ code: 'HW_TOKEN_FILE' });
    await expect(store.ensureAdminToken()).rejects.toMatchObject({ code: 'HW_TOKEN_FILE' });
    expect(() => store.list()).toThrow('damaged');
    expect(await readFile(file, 'utf8')).toBe(harmed);
    await writeFile(file, good);
    expect(store.verify(token)).toEqual(record);
  },
);

test('a role or scope changed in the file counts, a secret cannot be made up', async () => {
  const store = await open();
  const { token } = await store.create(viewer);
  await writeFile(file, (await readFile(file, 'utf8')).replace('"env": "*"', '"env": "dev"'));
  expect(store.verify(token)?.env).toBe('dev');
  await unlink(file);
  expect(store.verify(token)).toBeNull();
});

test('the first run writes one admin token, later runs none', async () => {
  const store = await open();
  const first = await store.ensureAdminToken();
  expect(first).toEqual({ path: join(folder.path, 'admin-token'), created: true });
  expect((await stat(first.path)).mode & 0o777).toBe(0o600);
  const token = (await readFile(first.path, 'utf8')).trim();
  expect(store.verify(token)).toMatchObject({ role: 'admin', env: '*', service: '*' });
  await store.revoke(store.verify(token)?.id ?? '');
  expect(await store.ensureAdminToken()).toMatchObject({ created: false });
  expect(store.verify(token)).toBeNull();
  expect(store.list()).toHaveLength(1);
});

test('a first run that died before the hash was stored makes a new admin token', async () => {
  const path = join(folder.path, 'admin-token');
  await writeFile(path, 'hw_left_over\n', { mode: 0o644 });
  await chmod(path, 0o644);
  const store = await open();
  expect((await store.ensureAdminToken()).created).toBe(true);
  expect(store.verify((await readFile(path, 'utf8')).trim())).not.toBeNull();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('the watch reports tokens that were revoked, removed or expired, whoever did it', async () => {
  const store = await open();
  const command = await open();
  const [revoked, expired, removed] = [
    await store.create(viewer),
    await store.create({ ...viewer, expiresInMs: 1000 }),
    await store.create(service),
  ];
  const reports: (readonly string[])[] = [];
  let wake = () => {};
  const stop = store.watchRevocations((ids) => {
    reports.push(ids);
    wake();
  }, 2);
  const next = async (act: () => unknown) => {
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await act();
    await woken;
    return reports.at(-1);
  };
  expect(await next(() => command.revoke(revoked.record.id))).toEqual([revoked.record.id]);
  expect(await next(() => (time += 1000))).toEqual([expired.record.id]);
  expect(await next(() => unlink(file))).toEqual([removed.record.id]);
  expect(reports).toHaveLength(3);
  stop();
});

test('a role, scope, name or lifetime that makes no sense is refused', async () => {
  const store = await open();
  const code = (request: object) =>
    store.create(request as never).then(
      () => 'fine',
      (error) => error.code,
    );
  expect(await code({ ...viewer, name: '' })).toBe('HW_USAGE');
  expect(await code({ ...viewer, name: 'a\nb' })).toBe('HW_USAGE');
  expect(await code({ ...viewer, expiresInMs: 0 })).toBe('HW_USAGE');
  expect(await code({ ...viewer, expiresInMs: Number.NaN })).toBe('HW_USAGE');
  expect(await code({ ...viewer, env: '../prod' })).toBe('HW_USAGE');
  expect(await code({ ...viewer, env: 'prod-*', service: 'stt' })).toBe('fine');
  expect(await code({ ...viewer, role: 'root' })).toBe('HW_USAGE');
  expect(await code({ role: 'service', name: 'x' })).toBe('HW_NAME_INVALID');
  expect(await code({ ...service, service: '*' })).toBe('HW_NAME_INVALID');
  expect(await code({ ...service, env: 'all' })).toBe('HW_NAME_RESERVED');
});

describe('login tokens', () => {
  test('open one session, with the role and scope they were made with, and are no token themselves', async () => {
    const store = await openTokenStore(folder, clock);
    const { token, record } = await store.create({ role: 'editor', name: 'Ada', env: 'dev', use: 'login' });
    expect(store.verify(token)).toBeNull();
    expect(store.find(record.id)).toBeNull();
    const session = await store.redeem(token, 60_000);
    expect(session).toMatchObject({ role: 'editor', name: 'Ada', env: 'dev', use: 'session' });
    expect(store.find(session?.id ?? '')).toEqual(session);
    expect(await store.redeem(token, 60_000)).toBeNull();
  });

  test('two that come with the same link at once: one session', async () => {
    const store = await openTokenStore(folder, clock);
    const { token } = await store.create({ role: 'admin', name: 'first', use: 'login' });
    const sessions = await Promise.all([store.redeem(token, 60_000), store.redeem(token, 60_000)]);
    expect(sessions.filter((session) => session !== null)).toHaveLength(1);
  });

  test('a token of its own opens no session this way, and what is over leaves the file', async () => {
    const store = await openTokenStore(folder, clock);
    const own = await store.create({ role: 'admin', name: 'own' });
    expect(await store.redeem(own.token, 60_000)).toBeNull();
    const login = await store.create({ role: 'admin', name: 'link', use: 'login' });
    await store.revoke(login.record.id);
    expect(await store.redeem(login.token, 60_000)).toBeNull();
    expect(store.list().map(({ name }) => name)).toEqual(['own']);
  });
});
