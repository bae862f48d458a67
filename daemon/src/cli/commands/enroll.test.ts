import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
const keysIn = (text: string) => text.split('\n').filter((line) => line.startsWith('age1'));
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
    expect((await enroll('--rotate', '--grace', '0')).exit).toBe(0);
    expect(JSON.parse(readFileSync(connectionFile(), 'utf8')).token).not.toBe(JSON.parse(before).token);
    expect(scene.tokens.verify(JSON.parse(before).token)).toBeNull();
    expect(liveTokens().map((token) => token.id)).not.toContain(old[0]?.id);
    expect(
      show(recipientsFile)
        .split('\n')
        .filter((line) => line.startsWith('age1')),
    ).toHaveLength(1);
  });

  test('replaces credentials with a grace period: both keys are recipients, both tokens count, and the identity file has both', async () => {
    await enroll();
    const before = JSON.parse(readFileSync(connectionFile(), 'utf8')).token;
    const oldKeys = keysIn(show(recipientsFile));
    const done = await enroll('--rotate', '--grace', '2d', '--json');
    expect(done.exit).toBe(0);
    const { recipient, until } = done.json<{ recipient: string; until: string }>();
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(47 * 3_600_000);
    expect(keysIn(show(recipientsFile))).toEqual([...oldKeys, recipient]);
    const after = JSON.parse(readFileSync(connectionFile(), 'utf8')).token;
    for (const token of [before, after])
      expect(scene.tokens.verify(token)).toMatchObject({ role: 'service' });
    const identities = readFileSync(identityFile(), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('AGE-'));
    expect(await Promise.all(identities.map(identityToRecipient))).toEqual([recipient, ...oldKeys]);
    expect(statSync(identityFile()).mode & 0o777).toBe(0o600);
    const rotations = JSON.parse(readFileSync(join(scene.path, 'rotations.json'), 'utf8')).rotations;
    expect(rotations).toEqual([
      {
        ...{ service: 'stt-worker', env: 'dev', until, since: expect.any(String) },
        ...{ oldRecipient: oldKeys[0], newRecipient: recipient, oldToken: before.split('_')[1] },
      },
    ]);
    // Once more: the oldest identity goes, the one in use stays.
    await enroll('--rotate');
    const third = readFileSync(identityFile(), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('AGE-'));
    expect(third).toHaveLength(2);
    expect(third[1]).toBe(identities[0]);

    expect((await enroll('--finish')).stdout).toContain('end within seconds');
    const forced = JSON.parse(readFileSync(join(scene.path, 'rotations.json'), 'utf8')).rotations;
    expect(forced.map((one: { forced?: boolean }) => one.forced)).toEqual([true, true]);
    expect(await play.run('enroll', 'camera', '--env', 'dev', '--data', 'data', '--finish')).toMatchObject({
      exit: 1,
    });
    expect(await enroll('--grace', '1d', '--out', 'other')).toMatchObject({ exit: 2 });
  });

  test('a replacement that cannot be committed leaves the old credentials as they were', async () => {
    await enroll();
    const before = [
      readFileSync(identityFile(), 'utf8'),
      readFileSync(connectionFile(), 'utf8'),
      liveTokens(),
    ];
    writeFileSync(join(scene.path, 'repo.git/refs/heads/main.lock'), '');
    expect((await enroll('--rotate')).exit).toBe(3);
    expect([
      readFileSync(identityFile(), 'utf8'),
      readFileSync(connectionFile(), 'utf8'),
      liveTokens(),
    ]).toEqual(before);
    expect(existsSync(join(scene.path, 'rotations.json'))).toBe(false);
    expect(readdirSync(credentials())).toHaveLength(2);
  }, 20_000);

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
