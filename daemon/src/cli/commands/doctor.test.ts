import { readFileSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
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

const credentials = () => join(play.folder, 'config-home/headwater/tars');
const connectionFile = () => join(credentials(), 'stt-worker.dev.connection.json');
const identityFile = () => join(credentials(), 'stt-worker.dev.identity');
const enroll = (...args: string[]) =>
  play.run('enroll', 'stt-worker', '--env', 'dev', '--data', 'data', ...args);

describe('doctor', () => {
  type Doctored = { ok: boolean; checks: { name: string; status: string; message: string; hint?: string }[] };
  const doctor = async (...args: string[]) => {
    const ran = await play.run('doctor', ...args, '--json');
    const { checks } = ran.json<Doctored>();
    return { exit: ran.exit, checks, of: (name: string) => checks.find((check) => check.name === name) };
  };

  test('finds nothing wrong with a healthy daemon', async () => {
    const { exit, checks } = await doctor('--data', 'data');
    expect(exit).toBe(0);
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'data folder ok',
      'daemon ok',
      'clock ok',
      'repository ok',
      'held ok',
      'health ok',
    ]);
  });

  test('tells a held commit once, and everything else that the daemon reports', async () => {
    const view = scene.answers.get('/api/v1/epoch') as object;
    const held = {
      service: 'stt-worker',
      since: 'ab'.repeat(20),
      code: 'HW_CONFIG_INVALID',
      message: 'no number',
      hint: 'Set one.',
    };
    scene.answers.set('/api/v1/epoch', { ...view, status: 'degraded', held: [held], heldTotal: 1 });
    scene.answers.set('/health', {
      version: '0.1.0',
      problems: ['HW_CONFIG_INVALID', 'HW_BROKER_UNREACHABLE'],
    });
    const { of } = await doctor('--data', 'data');
    expect(of('held')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('no number'),
      hint: 'Set one.',
    });
    expect(of('health')).toMatchObject({
      status: 'problem',
      message: 'the daemon reports HW_BROKER_UNREACHABLE',
    });
  });

  test('goes on when the broker is gone, and names every further thing that is wrong', async () => {
    await enroll();
    await chmod(identityFile(), 0o644);
    const { exit, of } = await doctor('stt-worker', '--data', 'data');
    expect(exit).toBe(1);
    expect(of('files')).toMatchObject({ status: 'problem', hint: expect.stringContaining('chmod 600') });
    expect(of('trust')).toMatchObject({ status: 'ok' });
    expect(of('broker')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('127.0.0.1:9'),
    });
    expect(of('receipts')).toMatchObject({ status: 'problem', message: 'no instance has reported' });
    expect(of('cached copy')).toMatchObject({ status: 'skip' });
    // The recipient's commit is newer than what this daemon says it sees.
    expect(of('repository')).toMatchObject({ status: 'problem' });
    for (const check of (await doctor('stt-worker', '--data', 'data')).checks) {
      if (check.status === 'problem') expect(check.hint).toBeTruthy();
    }
  });

  test('notices a service that trusts another root than the daemon has', async () => {
    await enroll();
    const connection = JSON.parse(readFileSync(connectionFile(), 'utf8'));
    const other = makePlayground();
    const stranger = await makeDataScene(other.folder);
    try {
      writeFileSync(
        connectionFile(),
        JSON.stringify({
          ...connection,
          trust: stranger.keys.roots,
          keys: Buffer.from(stranger.keyring.envelope).toString(),
        }),
      );
    } finally {
      await stranger[Symbol.asyncDispose]();
      other[Symbol.dispose]();
    }
    expect((await doctor('stt-worker', '--data', 'data')).of('trust')).toMatchObject({
      status: 'problem',
      message: "the service does not trust the daemon's root key",
    });
  });

  test('says when the daemon is gone, when the service was never enrolled, and asks when there is nothing to look at', async () => {
    await scene.stop();
    expect((await doctor('--data', 'data')).of('daemon')).toMatchObject({ status: 'problem' });
    expect((await doctor('camera')).of('files')).toMatchObject({
      status: 'problem',
      message: 'camera is not enrolled on this machine',
    });
    expect(await play.run('doctor')).toMatchObject({ exit: 2 });
  });
});
