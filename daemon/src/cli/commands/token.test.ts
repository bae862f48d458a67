import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeDaemonFile } from '../../adapters/data/daemon-file.ts';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { openTokenStore } from '../../adapters/data/token-store.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { type DataScene, makeDataScene } from '../testing/data-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let scene: DataScene;
beforeEach(async () => {
  play = makePlayground();
  scene = await makeDataScene(play.folder);
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
  play[Symbol.dispose]();
});

const tokens = async () =>
  openTokenStore(await openDataFolder(`${play.folder}/data`, { exclusive: false }), systemClock);
const token = (...args: string[]) => play.run('token', ...args, '--data', 'data');

test('a token is printed alone and once, counts, is listed without its secret, and can be revoked', async () => {
  const made = await token('create', '--name', 'Ada, laptop', '--role', 'editor', '--env', 'dev');
  expect([made.exit, made.stdout]).toEqual([0, expect.stringMatching(/^hw_[a-z0-9]{12}_[A-Za-z0-9]{43}\n$/)]);
  const text = made.stdout.trim();
  const id = text.split('_')[1] as string;
  expect((await tokens()).verify(text)).toMatchObject({ role: 'editor', env: 'dev', service: '*' });

  const list = await token('list');
  expect(list.stdout).toContain(`${id}  editor  dev/*  Ada, laptop  until `);
  expect(list.stdout).not.toContain(text);
  expect((await token('list', '--json')).stdout).not.toContain('"hash"');

  expect((await token('revoke', id)).exit).toBe(0);
  expect((await tokens()).verify(text)).toBeNull();
  expect((await token('list')).stdout).not.toContain(id);
  expect((await token('list', '--all')).stdout).toContain(`${id}  editor  dev/*  Ada, laptop  revoked`);
});

test.each([
  [['create'], "required option '--name <text>'"],
  [['create', '--name', 'x', '--role', 'boss'], 'Roles: viewer, editor, approver, operator, admin.'],
  [['create', '--name', 'x', '--role', 'service'], 'headwater enroll'],
  [['create', '--name', 'x', '--expires', 'soon'], '15m, 12h, 90d'],
  [['create', '--name', 'x', '--env', 'De v'], 'is no name or pattern'],
])('%j is refused with what to write instead', async (args, hint) => {
  const { exit, stderr } = await token(...args);
  expect([exit, stderr]).toEqual([2, expect.stringContaining(hint)]);
});

test('a login link opens one session; without a running daemon there is none', async () => {
  const { exit, stdout } = await play.run('login-link', '--data', 'data');
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/^http:\/\/\S+\/#login=hw_[\w]+\n$/)]);
  const store = await tokens();
  const link = stdout.trim().split('#login=')[1] as string;
  expect(await store.redeem(link, 60_000)).toMatchObject({ role: 'admin', use: 'session' });
  await removeDaemonFile(`${play.folder}/data`);
  expect(await play.run('login-link', '--data', 'data')).toMatchObject({
    exit: 3,
    stderr: expect.stringContaining('no daemon runs'),
  });
});
