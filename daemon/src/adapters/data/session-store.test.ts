import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openSessionStore, sessionIdleMs, sessionLifetimeMs } from './session-store.ts';

let root: string;
let folder: DataFolder;
let ms = 0;
const clock = { now: () => 1_800_000_000_000 + ms, monotonic: () => ms };

beforeEach(async () => {
  ms = 0;
  root = mkdtempSync(join(tmpdir(), 'hw-sessions-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
});
afterEach(async () => {
  await folder.release();
  rmSync(root, { recursive: true });
});

const file = () => join(folder.path, 'sessions.json');

test('a session names its token, also after a restart; the file is private and holds no secret', async () => {
  const secret = await openSessionStore(folder, clock).open('aaaaaaaaaaa1');
  expect(openSessionStore(folder, clock).find(secret)).toBe('aaaaaaaaaaa1');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(readFileSync(file(), 'utf8')).not.toContain(secret);
});

test('what was closed, or never opened, is nobody', async () => {
  const store = openSessionStore(folder, clock);
  const secret = await store.open('aaaaaaaaaaa1');
  await store.close(secret);
  await store.close('never opened');
  expect(store.find(secret)).toBeNull();
  expect(openSessionStore(folder, clock).find(secret)).toBeNull();
  expect(store.find('')).toBeNull();
});

test('a session ends when nobody used it for a day, and after a week in any case', async () => {
  const store = openSessionStore(folder, clock);
  const idle = await store.open('aaaaaaaaaaa1');
  const used = await store.open('aaaaaaaaaaa2');
  for (; ms < sessionLifetimeMs; ms += sessionIdleMs / 2) expect(store.find(used)).toBe('aaaaaaaaaaa2');
  expect(store.find(idle)).toBeNull();
  ms = sessionLifetimeMs - 1;
  expect(store.find(used)).toBe('aaaaaaaaaaa2');
  ms = sessionLifetimeMs;
  expect(store.find(used)).toBeNull();
});

test('a damaged file means that everybody logs in again', async () => {
  const secret = await openSessionStore(folder, clock).open('aaaaaaaaaaa1');
  for (const text of ['{', '[]', '{"sessions":[1,{"hash":"x","tokenId":"y","expiresAt":1}]}']) {
    writeFileSync(file(), text);
    const store = openSessionStore(folder, clock);
    expect(store.find(secret)).toBeNull();
    expect(store.find(await store.open('aaaaaaaaaaa2'))).toBe('aaaaaaaaaaa2');
  }
});
