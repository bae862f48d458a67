import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

describe('get', () => {
  const get = (...args: string[]) => play.run('get', 'stt-worker', ...args, '--env', 'dev', '--data', 'data');
  beforeEach(() => {
    const view = scene.answers.get('/api/v1/services/stt-worker') as object;
    scene.answers.set('/api/v1/services/stt-worker', {
      ...view,
      config: { vad_threshold: 0.6, a: { 'b/c': [1, 'x'] }, text: 'plain\u001b[2J' },
      origins: { '/vad_threshold': 'base' },
    });
  });

  test('prints one value and where it comes from, by name or by pointer', async () => {
    expect(await get('vad_threshold')).toMatchObject({
      exit: 0,
      stdout: '0.6\n',
      stderr: expect.stringMatching(/^#1 · [0-9a-f]{7}, from base\n$/),
    });
    expect((await get('/a/b~1c/1')).stdout).toBe('x\n');
    expect((await get('text')).stdout).toBe('plain\\u001b[2J\n');
    expect((await get('vad_threshold', '--json')).json()).toMatchObject({
      value: 0.6,
      origin: 'base',
      pointer: '/vad_threshold',
      epoch: { seq: 1 },
    });
  });

  test('says no for a setting that is not there, and guesses', async () => {
    expect(await get('vad_treshold')).toMatchObject({
      exit: 1,
      stdout: '',
      stderr: expect.stringContaining('Did you mean "/vad_threshold"?'),
    });
    expect(await get('a/b')).toMatchObject({ exit: 1 });
  });

  test('says of a secret that it is set, or how to set it, and nothing else', async () => {
    const view = scene.answers.get('/api/v1/services/stt-worker') as object;
    scene.answers.set('/api/v1/services/stt-worker', {
      ...view,
      secrets: { '/openai_api_key': { set: true }, '/mqtt/password': { set: false } },
    });
    expect(await get('openai_api_key')).toMatchObject({ exit: 0, stdout: '[secret]\n' });
    expect((await get('openai_api_key', '--json')).json()).toMatchObject({ value: '[secret]' });
    expect(await get('/mqtt/password')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('Set it: headwater secrets set stt-worker /mqtt/password --env dev'),
    });
  });

  test("tells the daemon's own refusals in its words, and says when it is gone", async () => {
    expect(
      await play.run('get', 'stt-worker', '--env', 'dev', '--url', scene.url, '--token', 'wrong'),
    ).toMatchObject({
      exit: 3,
      stderr: 'headwater: no such token\n  Use another.\n',
    });
    await scene.stop();
    expect(await get()).toMatchObject({ exit: 3, stderr: expect.stringContaining('no daemon answers') });
  });

  test('never sends the token of one daemon to the address of another', async () => {
    play.env.HEADWATER_DATA = join(play.folder, 'data');
    const { exit, stderr } = await play.run('get', 'stt-worker', '--env', 'dev', '--url', scene.url);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('--url needs a token')]);
  });
});

describe('status', () => {
  test('is calm while nothing waits', async () => {
    const { exit, stdout } = await play.run('status', '--data', 'data');
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^tars, era 1\ndev {2}#1 · [0-9a-f]{7} {2}0 services {2}0 clients {2}ok\nnothing is protected [^\n]+\n$/,
      ),
    ]);
  });

  test('names a service whose secrets reach nobody, with the way out; that is no reason to fail', async () => {
    scene.answers.set('/api/v1/services', {
      env: 'dev',
      services: [
        { service: 'camera', clients: 0 },
        { service: 'stt-worker', clients: 1, undelivered: true },
      ],
    });
    const { exit, stdout } = await play.run('status', '--data', 'data');
    expect(exit).toBe(0);
    expect(stdout).toContain(
      '  no recipient stt-worker has secrets that nobody can open\n    Enroll it: headwater enroll stt-worker --env dev\n',
    );
    expect(stdout).not.toContain('camera');
  });

  test('shows a refused branch with both ways out, and who remembers what was published', async () => {
    const refused = {
      code: 'HW_HISTORY_REWRITTEN',
      message: 'the branch "main" is at d4d4d4d',
      hint: 'Put it back.',
    };
    scene.answers.set('/api/v1/epoch/era', { era: 3, ledger: 'local', refused });
    scene.answers.set('/health', { problems: ['HW_HISTORY_REWRITTEN'] });
    const { exit, stdout } = await play.run('status', '--data', 'data');
    expect(exit).toBe(1);
    expect(stdout).toContain(
      'tars, era 3\nrefused the branch "main" is at d4d4d4d (HW_HISTORY_REWRITTEN)\n  Put it back.\n' +
        'what was published is remembered by this daemon alone',
    );
    expect((await play.run('status', '--data', 'data', '--json')).json()).toMatchObject({ era: 3, refused });
  });

  test('shows what is held with its place and both ways out, and exits with 1', async () => {
    const held = {
      service: 'stt-worker',
      since: 'ab'.repeat(20),
      code: 'HW_CONFIG_INVALID',
      pointer: '/vad_threshold',
      file: 'services/stt-worker/config.json',
      line: 3,
      message: 'expected a number, got text',
      hint: 'Set a number.',
    };
    const view = scene.answers.get('/api/v1/epoch') as object;
    scene.answers.set('/api/v1/epoch', {
      ...view,
      status: 'degraded',
      held: [held],
      heldTotal: 4,
      tip: { seq: 2, commit: 'ab'.repeat(20) },
    });
    const { exit, stdout } = await play.run('status', '--data', 'data');
    expect(exit).toBe(1);
    expect(stdout).toContain('held, tip is #2 · abababa');
    expect(stdout).toContain('stt-worker since abababa: services/stt-worker/config.json:3 /vad_threshold');
    expect(stdout).toContain('    Set a number.\n    Or undo the commit: git revert abababa');
    expect(stdout).toContain('… 3 more');
  });

  test('says that nothing is asked of commits, or what the newest of them lack', async () => {
    const view = scene.answers.get('/api/v1/epoch') as object;
    const { stdout } = await play.run('status', '--data', 'data');
    expect(stdout).toContain(
      'nothing is protected and no signature is asked for: roles hold at the gate and the API only',
    );
    const policy = { protected: false, review: 'headwater', signedCommits: 'warn' };
    const warning = {
      commit: 'ab'.repeat(20),
      code: 'HW_COMMIT_UNSIGNED',
      message: 'the commit has no signature',
      hint: 'Sign.',
    };
    scene.answers.set('/api/v1/epoch', { ...view, policy, warnings: [warning] });
    const warned = await play.run('status', '--data', 'data');
    expect(warned.exit).toBe(0);
    expect(warned.stdout).toContain(
      'warning commit abababa: the commit has no signature (HW_COMMIT_UNSIGNED)',
    );
    expect(warned.stdout).not.toContain('nothing is protected');
  });
});
