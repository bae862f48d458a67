import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildDataScript, type DataScript } from '../../testing/data-process.ts';
import { ownerTag } from '../git/owner-tag.ts';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from './daemon-file.ts';
import { openDataFolder } from './data-folder.ts';
import { giveLifeSign } from './life-sign.ts';

let script: DataScript;
let root: string;
let data: string;
beforeAll(async () => {
  script = await buildDataScript();
});
afterAll(() => script.remove());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-data-'));
  data = join(root, 'deep', 'data');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error) => error.code,
  );
const open = () => openDataFolder(data, { exclusive: true });
const locks = () => readdir(join(data, 'locks', 'daemon'));

test('a new folder is made private, with the version of its layout', async () => {
  const folder = await open();
  expect((await stat(data)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(data, 'version'), 'utf8')).toBe('1\n');
  expect(folder.path).toBe(data);
  await folder.release();
  await (await open()).release();
});

test('a folder that others can get into is refused with the way to close it', async () => {
  await (await open()).release();
  for (const mode of [0o755, 0o701, 0o710, 0o720, 0o770]) {
    await chmod(data, mode);
    const failure = await open().catch((error) => error);
    expect([mode, failure.code]).toEqual([mode, 'HW_DATA_EXPOSED']);
    expect(failure.hint).toContain(`chmod 700 '${data}'`);
  }
});

test('a folder of a newer version, of none, or of somebody else is refused untouched', async () => {
  await (await open()).release();
  for (const text of ['2\n', '', 'x', '1.5', '-1', '0']) {
    await writeFile(join(data, 'version'), text);
    expect([text, await code(open())]).toEqual([text, 'HW_DATA_VERSION']);
  }
  const project = join(root, 'project');
  await mkdir(project, { mode: 0o700 });
  await writeFile(join(project, 'package.json'), '{}');
  expect(await code(openDataFolder(project, { exclusive: true }))).toBe('HW_DATA_VERSION');
  expect(await readdir(project)).toEqual(['package.json']);
});

test('a place that cannot be a folder is named', async () => {
  await writeFile(join(root, 'deep'), 'a file');
  const failure = await open().catch((error) => error);
  expect(failure.code).toBe('HW_DATA_NOT_WRITABLE');
  expect(failure.message).toContain(data);
});

test('a command beside the daemon needs a folder that is there, and no lock', async () => {
  const beside = () => openDataFolder(data, { exclusive: false });
  expect(await code(beside())).toBe('HW_NOT_FOUND');
  const daemon = await open();
  expect(await code(beside())).toBe('fine');
  await daemon.release();
});

test('a second daemon on one folder is refused, in this process or another, until the first lets go', async () => {
  const first = await open();
  expect(await code(open())).toBe('HW_DATA_IN_USE');
  expect(await script.start('hold', data).nextLine()).toBe('HW_DATA_IN_USE');
  await first.release();
  await first.release();
  const other = script.start('hold', data);
  expect(await other.nextLine()).toBe('held');
  const failure = await open().catch((error) => error);
  expect(failure.code).toBe('HW_DATA_IN_USE');
  expect(failure.message).toMatch(/process \d+/);
  await other.kill('SIGKILL');
});

test('the lock of a killed daemon is taken over at once and leaves nothing behind', async () => {
  const dead = script.start('hold', data);
  expect(await dead.nextLine()).toBe('held');
  await dead.kill('SIGKILL');
  expect(await locks()).toHaveLength(2);
  const next = await open();
  expect((await locks()).every((name) => name.startsWith(ownerTag()))).toBe(true);
  await next.release();
  expect(await locks()).toEqual([]);
});

test('a lock without a sign of life is judged by its process', async () => {
  await (await open()).release();
  const dead = join(data, 'locks', 'daemon', `${ownerTag().replace(/\d+$/, '1')}~00ff`);
  await writeFile(dead, '');
  const next = await open();
  expect((await locks()).every((name) => name.startsWith(ownerTag()))).toBe(true);
  await next.release();
  await writeFile(join(data, 'locks', 'daemon', `${ownerTag()}~00ff`), '');
  expect(await code(open())).toBe('HW_DATA_IN_USE');
});

test('the lock of a daemon in another container counts while it gives a sign of life', async () => {
  await (await open()).release();
  const [boot, , ...rest] = ownerTag().split('.');
  const stem = join(data, 'locks', 'daemon', `${[boot, '1', ...rest].join('.')}~00ff`);
  const sign = await giveLifeSign(`${stem}.sock`);
  await writeFile(`${stem}.signed`, '');
  expect(await code(open())).toBe('HW_DATA_IN_USE');
  await sign?.end();
  expect(await code(open())).toBe('fine');
});

test('a lock without a sign of life from another container is left alone', async () => {
  await (await open()).release();
  const [boot, , ...rest] = ownerTag().split('.');
  await writeFile(join(data, 'locks', 'daemon', `${[boot, '1', ...rest].join('.')}~00ff`), '');
  expect(await code(open())).toBe('HW_DATA_IN_USE');
});

test('a sign of life works in a folder whose path is too long for a socket', async () => {
  data = join(root, 'x'.repeat(200));
  const folder = await open();
  expect((await locks()).some((name) => name.endsWith('.sock'))).toBe(true);
  await folder.release();
});

test('the daemon file tells a running daemon from one that died', async () => {
  await (await open()).release();
  const info = {
    pid: process.pid,
    http: 'http://127.0.0.1:7070',
    mqtt: 'mqtt://127.0.0.1:7071',
    git: null,
    deployment: 'tars',
    startedAt: '2026-01-01T00:00:00.000Z',
  };
  expect(await readDaemonFile(data)).toBeNull();
  await writeDaemonFile(data, info);
  const path = join(data, 'daemon.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readDaemonFile(data)).toEqual({ ...info, state: 'running' });
  // The same process id, but a process that started at another time.
  const stale = JSON.stringify({ ...info, owner: ownerTag().replace(/\d+$/, '1') });
  await writeFile(path, stale);
  expect((await readDaemonFile(data))?.state).toBe('stale');
  await writeFile(path, stale.slice(0, 40));
  expect(await readDaemonFile(data)).toBeNull();
});

test('a stopping daemon removes its own file and not that of its successor', async () => {
  await (await open()).release();
  const info = { pid: 1, http: 'http://a', mqtt: 'mqtt://a', git: null, deployment: 'tars', startedAt: '' };
  await writeDaemonFile(data, info);
  await removeDaemonFile(data);
  expect(await readDaemonFile(data)).toBeNull();
  const [boot, , pid, started] = ownerTag().split('.');
  const successor = { ...info, owner: [boot, '1', pid, started].join('.') };
  await writeFile(join(data, 'daemon.json'), JSON.stringify(successor));
  await removeDaemonFile(data);
  expect(await readDaemonFile(data)).not.toBeNull();
});

test('a version file cut short by a crash of the first start does not lock the user out', async () => {
  await mkdir(data, { recursive: true, mode: 0o700 });
  await writeFile(join(data, `.hw-${ownerTag()}.${randomBytes(6).toString('hex')}.tmp`), '');
  expect(await code(open())).toBe('fine');
});
