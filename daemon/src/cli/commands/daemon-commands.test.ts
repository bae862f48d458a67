import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, encodeLkg, type JsonObject, signEnvelope, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { identityToRecipient } from 'age-encryption';
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
const show = (path: string) => play.git('data/repo.git', 'show', `main:${path}`);
const recipientsFile = 'services/stt-worker/recipients.dev.txt';
const liveTokens = () =>
  scene.tokens.list().filter((token) => token.role === 'service' && token.revokedAt === undefined);

describe('enroll', () => {
  test('writes both files for their owner alone, with exactly the agreed fields, and commits the recipient', async () => {
    const { exit, stdout, stderr } = await enroll('--instance', 'robot-1');
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain("import { connect } from '@headwater/client';");
    for (const file of [connectionFile(), identityFile()]) expect(statSync(file).mode & 0o777).toBe(0o600);
    const connection = JSON.parse(readFileSync(connectionFile(), 'utf8'));
    expect(connection).toEqual({
      deployment: 'tars',
      env: 'dev',
      service: 'stt-worker',
      instance: 'robot-1',
      broker: 'mqtt://127.0.0.1:9',
      token: expect.stringMatching(/^hw_[a-z0-9]{12}_[A-Za-z0-9]{43}$/),
      trust: scene.keys.roots,
      keys: Buffer.from(scene.keyring.envelope).toString('utf8'),
      identityFile: 'stt-worker.dev.identity',
    });
    expect(scene.tokens.verify(connection.token)).toMatchObject({
      role: 'service',
      env: 'dev',
      service: 'stt-worker',
    });
    const identity = readFileSync(identityFile(), 'utf8')
      .split('\n')
      .find((line) => line.startsWith('AGE-SECRET-KEY-')) as string;
    expect(show(recipientsFile).split('\n').at(-1)).toBe(await identityToRecipient(identity));
    expect(play.git('data/repo.git', 'log', '-1', '--format=%s')).toBe(
      'Let stt-worker in dev open its secrets',
    );
    for (const secret of [connection.token, identity]) {
      expect(stdout).not.toContain(secret);
      expect(play.git('data/repo.git', 'log', '-p')).not.toContain(secret);
    }
    expect(readdirSync(credentials())).toHaveLength(2);
  });

  test('refuses to replace credentials unless told to, and then the old ones stop counting', async () => {
    await enroll();
    const [before, old] = [readFileSync(connectionFile(), 'utf8'), liveTokens()];
    expect(await enroll()).toMatchObject({ exit: 2, stderr: expect.stringContaining('--rotate') });
    expect(readFileSync(connectionFile(), 'utf8')).toBe(before);
    expect((await enroll('--rotate')).exit).toBe(0);
    expect(JSON.parse(readFileSync(connectionFile(), 'utf8')).token).not.toBe(JSON.parse(before).token);
    expect(scene.tokens.verify(JSON.parse(before).token)).toBeNull();
    expect(liveTokens().map((token) => token.id)).not.toContain(old[0]?.id);
    expect(
      show(recipientsFile)
        .split('\n')
        .filter((line) => line.startsWith('age1')),
    ).toHaveLength(1);
  });

  test('keeps every recipient that could open the secrets before, also those of a more general file', async () => {
    const operator = 'age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm';
    play.git('.', 'clone', '-q', 'data/repo.git', 'clone');
    writeFileSync(
      join(play.folder, 'clone/services/stt-worker/recipients.txt'),
      `# operators\n${operator}\n`,
    );
    play.git('clone', 'add', '-A');
    play.git('clone', 'commit', '-qm', 'recipients');
    play.git('clone', 'push', '-q');
    await enroll();
    await enroll('--out', 'second');
    const keys = show(recipientsFile)
      .split('\n')
      .filter((line) => line.startsWith('age1'));
    expect(keys).toHaveLength(3);
    expect(keys[0]).toBe(operator);
  });

  test('writes nowhere inside a repository unless git ignores the place', async () => {
    mkdirSync(join(play.folder, 'project/secret'), { recursive: true });
    play.git('project', 'init', '-q');
    const refused = await enroll('--out', 'project/secret/deeper');
    expect(refused).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('credentials could be committed'),
    });
    expect(existsSync(join(play.folder, 'project/secret/deeper'))).toBe(false);
    expect(liveTokens()).toEqual([]);
    writeFileSync(join(play.folder, 'project/.gitignore'), 'secret/\n');
    expect((await enroll('--out', 'project/secret/deeper')).exit).toBe(0);
    play.git('project', 'add', '-f', 'secret');
    expect(await enroll('--out', 'project/secret/deeper', '--rotate')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('is tracked'),
    });
  });

  test('leaves no token, file or commit behind when the commit cannot be made', async () => {
    writeFileSync(join(scene.path, 'repo.git/refs/heads/main.lock'), '');
    const { exit } = await enroll();
    expect(exit).toBe(3);
    expect(liveTokens()).toEqual([]);
    expect(readdirSync(credentials())).toEqual([]);
  }, 20_000);

  test.each([
    [['enroll', 'stt-workr', '--env', 'dev', '--data', 'data'], 1, 'Did you mean "stt-worker"?'],
    [['enroll', 'stt-worker', '--env', 'prdo', '--data', 'data'], 1, 'Did you mean "prod"?'],
    [
      ['enroll', 'stt-worker', '--env', 'dev', '--url', 'https://x', '--token', 't'],
      2,
      'on the machine of the daemon only',
    ],
    [['enroll', 'stt-worker', '--env', 'dev'], 2, 'Give --data DIR'],
    [['enroll', 'stt-worker', '--env', 'dev', '--data', 'nowhere'], 1, 'there is no data folder'],
  ])('says what is wrong with %j', async (args, exit, text) => {
    expect(await play.run(...args)).toMatchObject({ exit, stderr: expect.stringContaining(text) });
  });

  test('refuses a repository that the daemon does not follow', async () => {
    await play.run('init', 'other', '--example', '--deployment', 'tars');
    expect(await enroll('--repo', 'other')).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('follows another repository'),
    });
    await play.run('init', 'strange', '--example', '--deployment', 'strange');
    expect((await enroll('--repo', 'strange')).stderr).toContain(
      'of deployment "strange", the daemon of "tars"',
    );
  });
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
      expect.stringMatching(/^tars\ndev {2}#1 · [0-9a-f]{7} {2}0 services {2}0 clients {2}ok\n$/),
    ]);
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
    expect(stdout).toContain('either Set a number.');
    expect(stdout).toContain('or     headwater revert abababa');
    expect(stdout).toContain('… 3 more');
  });
});

describe('verify and keys', () => {
  const config: JsonObject = { vad_threshold: 0.5 };
  const snapshot = (digest = digestOf(config, nodeCrypto)) => {
    const payload = {
      ...{
        v: 1,
        kind: 'snapshot',
        deployment: 'tars',
        issuedAt: new Date().toISOString(),
        env: 'dev',
        service: 'stt-worker',
      },
      ...{
        epoch: { era: 1, seq: 7, commit: 'c'.repeat(40) },
        schema: `sha256:${'0'.repeat(64)}`,
        digest,
        config,
        secrets: null,
      },
    };
    return signEnvelope('snapshot', utf8(JSON.stringify(payload)), [scene.keys.signing], nodeCrypto);
  };
  const verify = async (bytes: Uint8Array, ...args: string[]) => {
    writeFileSync(join(play.folder, 'm'), bytes);
    return play.run('verify', 'm', '--json', ...args);
  };
  const signer = () => [...scene.keyring.entries.keys()];

  test('prove a message by the keys of the data folder, of a connection file, or by a root and its key list', async () => {
    await enroll();
    writeFileSync(join(play.folder, 'keys'), scene.keyring.envelope);
    for (const trust of [
      ['--data', 'data'],
      ['--connection', connectionFile()],
      ['--trust', scene.keys.roots[0] as string, '--keys', 'keys'],
    ]) {
      const { exit, json } = await verify(snapshot(), ...trust);
      expect([exit, json()]).toEqual([
        0,
        expect.objectContaining({
          ok: true,
          kind: 'snapshot',
          about: 'tars/dev/stt-worker',
          epoch: '#7 · ccccccc',
          signers: signer(),
        }),
      ]);
    }
  });

  test('say no to changed bytes, a foreign signer and a wrong digest, each with its reason', async () => {
    const changed = Buffer.from(Buffer.from(snapshot()).toString('utf8').replace('0.5', '0.6'));
    expect(await verify(changed, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_SIGNATURE_INVALID'),
    });
    const lying = snapshot(`sha256:${'1'.repeat(64)}`);
    expect(await verify(lying, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_DIGEST_MISMATCH'),
    });
    const other = makePlayground();
    const stranger = await makeDataScene(other.folder);
    try {
      expect(await verify(snapshot(), '--data', stranger.path)).toMatchObject({
        exit: 1,
        stdout: expect.stringContaining('HW_SIGNER_UNKNOWN'),
      });
    } finally {
      await stranger[Symbol.asyncDispose]();
      other[Symbol.dispose]();
    }
  });

  test('prove a last-known-good file without the key of its owner', async () => {
    const header = {
      deployment: 'tars',
      env: 'dev',
      service: 'stt-worker',
      epoch: { era: 1, seq: 7, commit: 'c'.repeat(40) },
    };
    const bytes = encodeLkg(
      { ...header, savedAt: new Date().toISOString() },
      new Map([['envelope', snapshot()]]),
      new Uint8Array(32).fill(7),
      nodeCrypto,
    );
    expect((await verify(bytes, '--data', 'data')).json()).toMatchObject({
      ok: true,
      about: 'tars/dev/stt-worker',
      epoch: '#7 · ccccccc',
    });
    const wrong = encodeLkg(
      { ...header, service: 'camera', savedAt: '2026-01-01T00:00:00Z' },
      new Map([['envelope', snapshot()]]),
      new Uint8Array(32),
      nodeCrypto,
    );
    expect(await verify(wrong, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_MESSAGE_WRONG_TARGET'),
    });
  });

  test('judge the keys in a connection file, by another root when one is given', async () => {
    await enroll();
    expect((await play.run('verify', connectionFile(), '--json')).json()).toMatchObject({
      ok: true,
      note: "judged by the file's own trust",
    });
    const otherRoot = scene.keys.signers[0] as string;
    expect(await play.run('verify', connectionFile(), '--trust', otherRoot)).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_SIGNER_UNKNOWN'),
    });
  });

  test('ask whose signature should count, and do not call that a verdict', async () => {
    expect(await verify(snapshot())).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('HW_NO_TRUST'),
    });
  });

  test('show public keys only', async () => {
    const { stdout } = await play.run('keys', 'show', '--data', 'data');
    for (const key of [...scene.keys.roots, ...scene.keys.signers]) expect(stdout).toContain(key);
    for (const name of ['root.key', 'signing.key', 'hmac.key']) {
      expect(stdout).not.toContain(readFileSync(join(scene.path, 'keys', name), 'utf8').trim());
    }
  });
});

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
    ]);
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

describe('typegen', () => {
  const schema = new URL('../../../../schemas/services/stt-worker.schema.json', import.meta.url).pathname;

  test('writes TypeScript, or JavaScript with its types beside it, and refuses other names', async () => {
    expect((await play.run('typegen', schema)).stdout).toContain('export interface SttWorkerConfig {');
    expect((await play.run('typegen', schema, '--out', 'stt.config.ts')).exit).toBe(0);
    expect((await play.run('typegen', schema, '--out', 'stt.config.mjs', '--json')).json()).toMatchObject({
      files: ['stt.config.mjs', 'stt.config.d.mts'],
    });
    expect(readFileSync(join(play.folder, 'stt.config.d.mts'), 'utf8')).toContain(
      'export declare const schema',
    );
    expect(await play.run('typegen', schema, '--out', 'stt.json')).toMatchObject({ exit: 2 });
    expect(await play.run('typegen', schema, '--out', 'nowhere/stt.ts')).toMatchObject({ exit: 2 });
  });

  test('finds the schema of a service in a repository, and says what is wrong with one', async () => {
    await play.run('init', 'repo', '--example');
    expect((await play.run('typegen', 'camera', '--repo', 'repo')).stdout).toContain('CameraConfig');
    writeFileSync(join(play.folder, 'x.schema.json'), '{"a": 1, "a": 2}');
    expect(await play.run('typegen', 'x.schema.json')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('x.schema.json:1: the key "a" occurs twice'),
    });
  });
});

describe('watch', () => {
  test('asks for an enrolled service, and refuses the connection file of another one', async () => {
    expect(await play.run('watch', 'camera', '--env', 'dev')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('camera is not enrolled in dev'),
    });
    await enroll();
    expect(await play.run('watch', 'camera', '--env', 'dev', '--connection', connectionFile())).toMatchObject(
      {
        exit: 2,
        stderr: expect.stringContaining('is of stt-worker in dev'),
      },
    );
  });
});
