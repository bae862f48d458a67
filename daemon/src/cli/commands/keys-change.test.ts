import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeDaemonFile } from '../../adapters/data/daemon-file.ts';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { type KeyStore, openKeyStore } from '../../adapters/data/key-store.ts';
import { type DataScene, makeDataScene } from '../testing/data-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let scene: DataScene;
beforeEach(async () => {
  play = makePlayground();
  scene = await makeDataScene(play.folder);
  scene.answers.set('/api/v1/keys/reload', { version: 2, signing: [], changed: true });
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
  play[Symbol.dispose]();
});

const keys = (...args: string[]) => play.run('keys', ...args, '--data', 'data');
const show = async () =>
  (await keys('show', '--json')).json<{
    version: number;
    roots: { keyId: string }[];
    signers: { keyId: string; notAfter?: string; revoked?: string }[];
  }>();
const audited = async () =>
  (await play.run('audit', 'export', '--data', 'data')).stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line));
const store = async (): Promise<KeyStore> =>
  openKeyStore(await openDataFolder(scene.path, { exclusive: false }), nodeCrypto);

test('rotate makes a new key beside the old one, tells the daemon, and is on record', async () => {
  const [before] = (await show()).signers;
  const done = await keys('rotate', '--grace', '2h', '--json');
  expect(done).toMatchObject({ exit: 0, stderr: '' });
  const change = done.json<{
    signing: { keyId: string };
    cosigning: { keyId: string };
    published: boolean;
    version: number;
  }>();
  expect(change).toMatchObject({ version: 2, cosigning: { keyId: before?.keyId }, published: true });
  const after = await show();
  expect(after.signers.map(({ keyId }) => keyId)).toEqual([change.signing.keyId, before?.keyId]);
  expect(Date.parse(after.signers[1]?.notAfter ?? '') - Date.now()).toBeGreaterThan(7_000_000);
  expect(await audited()).toMatchObject([{ action: 'key-rotate', details: { graceMs: 7_200_000 } }]);
  expect((await store()).signingKeys).toHaveLength(2);
  expect((await keys('rotate', '--finish')).stdout).toContain('signs no more');
  expect((await store()).signingKeys).toHaveLength(1);
  expect((await keys('rotate', '--finish')).exit).toBe(1);
});

test('revoke makes a stolen key count no more; without a daemon it takes effect at the next start', async () => {
  await removeDaemonFile(scene.path);
  const [stolen] = (await show()).signers;
  const done = await keys('revoke', stolen?.keyId as string);
  expect([done.exit, done.stdout]).toEqual([0, expect.stringContaining('No daemon is running')]);
  const { signers } = await show();
  expect(signers[1]).toMatchObject({ keyId: stolen?.keyId, revoked: expect.any(String) });
  expect(await audited()).toMatchObject([{ action: 'key-revoke', details: { key: stolen?.keyId } }]);
  expect((await keys('revoke', stolen?.keyId as string)).exit).toBe(2);
  expect((await keys('revoke', 'ffffffffffffffff')).exit).toBe(1);
});

test('a daemon that runs and does not take the keys over is told, with what to do', async () => {
  scene.answers.delete('/api/v1/keys/reload');
  const done = await keys('rotate');
  expect([done.exit, done.stderr]).toEqual([
    1,
    expect.stringMatching(/the keys are changed, but[\s\S]*Restart it/),
  ]);
  expect((await show()).version).toBe(2);
});

describe('export-root', () => {
  test('takes the root offline; what needs it afterwards says so, and takes it from its file', async () => {
    const root = readFileSync(join(scene.path, 'keys/root.key'), 'utf8');
    const done = await keys('export-root', '--out', 'stick.key');
    expect(done.exit).toBe(0);
    expect(done.stdout).not.toContain(root.trim());
    expect(readFileSync(join(play.folder, 'stick.key'), 'utf8')).toBe(root);
    expect(statSync(join(play.folder, 'stick.key')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(scene.path, 'keys/root.key'))).toBe(false);
    const refused = await keys('rotate');
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('--root-key FILE')]);
    expect((await keys('rotate', '--root-key', 'stick.key')).exit).toBe(0);
    expect(await audited()).toMatchObject([
      { action: 'key-export' },
      { action: 'key-rotate' },
      { action: 'key-rotate' },
    ]);
  });

  test('not into the data folder, a repository, or over something', async () => {
    mkdirSync(join(play.folder, 'project'));
    play.git('project', 'init', '-q');
    for (const out of ['data/x', 'project/root.key', 'data']) {
      const done = await keys('export-root', '--out', out);
      expect([out, done.exit]).toEqual([out, expect.any(Number)]);
      expect(done.exit).toBeGreaterThan(0);
    }
    expect(existsSync(join(scene.path, 'keys/root.key'))).toBe(true);
  });
});

test('the key of the seals is rotated alone', async () => {
  const before = Buffer.from((await store()).hmac).toString('hex');
  expect((await keys('rotate', '--hmac')).stdout).toContain('seals');
  expect(Buffer.from((await store()).hmac).toString('hex')).not.toBe(before);
  expect((await show()).version).toBe(1);
});
