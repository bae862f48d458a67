import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { daemonSignerLine } from '../../core/signatures/commit-signer.ts';
import { makeTestKey, rulesFor, secretsFile } from '../../testing/secrets-file.ts';
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
      'secrets ok',
      'signatures ok',
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

  /** Commits files to the daemon's repository, as somebody who clones it would. */
  function commit(files: Readonly<Record<string, string | Uint8Array>>): void {
    play.git('', 'clone', '-q', 'data/repo.git', 'clone');
    for (const [path, content] of Object.entries(files))
      writeFileSync(join(play.folder, 'clone', path), content);
    play.git('clone', 'add', '-A');
    play.git('clone', 'commit', '-q', '-m', 'Change');
    play.git('clone', 'push', '-q', 'origin', 'HEAD:main');
    rmSync(join(play.folder, 'clone'), { recursive: true });
  }
  const secrets = async () => (await doctor('--data', 'data')).of('secrets');

  test('tells who cannot open secrets: the daemon, then the service', async () => {
    const [ann, own] = [await makeTestKey(), { recipient: scene.recipient }];
    const file = 'services/llm-worker/secrets.json';
    commit({ '.sops.yaml': rulesFor(ann), [file]: await secretsFile({ openai_api_key: 'x' }, ann) });
    expect(await secrets()).toMatchObject({
      status: 'problem',
      message: `the daemon cannot open ${file}: its rule does not name ${scene.recipient}`,
      hint: expect.stringContaining(`sops updatekeys ${file}`),
    });
    commit({ '.sops.yaml': rulesFor(ann, own) });
    expect(await secrets()).toMatchObject({
      status: 'problem',
      hint: 'Enroll it: headwater enroll llm-worker --env dev',
    });
    commit({ 'services/llm-worker/recipients.txt': `${ann.recipient}\n` });
    expect(await secrets()).toMatchObject({ status: 'ok' });
    writeFileSync(join(scene.path, 'keys/secrets.prod.identity'), `${ann.text}\n`, { mode: 0o600 });
    commit({
      '.sops.yaml': rulesFor(own),
      'services/llm-worker/secrets.prod.json': await secretsFile({ openai_api_key: 'x' }, own),
    });
    expect(await secrets()).toMatchObject({ message: expect.stringContaining(ann.recipient) });
  });

  test('knows whether the identity of a service is among its recipients', async () => {
    await enroll();
    const recipient = async () => (await doctor('stt-worker', '--data', 'data')).of('recipient');
    expect(await recipient()).toMatchObject({ status: 'ok' });
    commit({ 'services/stt-worker/recipients.dev.txt': `${(await makeTestKey()).recipient}\n` });
    expect(await recipient()).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('services/stt-worker/recipients.dev.txt does not name its identity'),
    });
  });

  test('says when commits must be signed and the repository does not list the daemon', async () => {
    const line = daemonSignerLine(scene.commitKey.publicKey);
    const ask = (signedCommits: string, signers: string) =>
      commit({
        'headwater.json': JSON.stringify({
          headwater: 1,
          deployment: 'tars',
          environments: ['dev'],
          signedCommits,
        }),
        allowed_signers: signers,
      });
    await ask('require', line.replace('headwater@localhost', 'ann@example.org'));
    expect((await doctor('--data', 'data')).of('signatures')).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('no edit through it is published'),
      hint: expect.stringContaining(line),
    });
    await ask('warn', '# nobody');
    expect((await doctor('--data', 'data')).of('signatures')).toMatchObject({ status: 'problem' });
    await ask('require', line);
    expect((await doctor('--data', 'data')).of('signatures')).toMatchObject({ status: 'ok' });
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
