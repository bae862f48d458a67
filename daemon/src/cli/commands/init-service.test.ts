import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseAllowedSigners } from '../../core/signatures/allowed-signers.ts';
import { makeDataScene } from '../testing/data-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

// The worker is a built file; the same judgement in this thread serves here.
vi.mock('../../adapters/schema-validator.ts', async () => {
  const { createInlineSchemaValidator } = await import('../../testing/schema-validator.ts');
  return { createSchemaValidator: createInlineSchemaValidator };
});

const starterSigners = new URL('../../../../config-repo/allowed_signers', import.meta.url);

let play: Playground;
beforeEach(() => {
  play = makePlayground();
});
afterEach(() => play[Symbol.dispose]());

const read = (path: string) => readFileSync(join(play.folder, path), 'utf8');
const write = (path: string, text: string) => writeFileSync(join(play.folder, path), text);
const log = (repo: string) => play.git(repo, 'log', '--format=%s').split('\n');

describe('init', () => {
  test('makes a repository named after its folder, valid as it is', async () => {
    const made = await play.run('init', 'My Config', '--json');
    expect(made.exit).toBe(0);
    expect(made.json()).toMatchObject({
      deployment: 'my-config',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(play.git('My Config', 'status', '--porcelain')).toBe('');
    expect(log('My Config')).toHaveLength(1);
    expect((await play.run('validate', '--repo', 'My Config')).stdout).toContain(
      'Valid: 0 services in 2 environments.',
    );
  });

  test('takes the example with a deployment of its own, without the tests that lie beside it', async () => {
    const ran = await play.run('init', 'tour', '--example', '--deployment', 'robots', '--json');
    expect(ran.exit).toBe(0);
    const { files } = ran.json<{ files: string[] }>();
    expect(JSON.parse(read('tour/headwater.json'))).toMatchObject({ deployment: 'robots', headwater: 1 });
    expect(files).toEqual(
      expect.arrayContaining([
        'schemas/stt-worker.schema.json',
        'services/stt-worker/config.json',
        '.sops.yaml',
        'README.md',
      ]),
    );
    expect(files.filter((file) => /\.(ts|js)$/.test(file))).toEqual([]);
    expect((await play.run('validate', '--repo', 'tour', '--json')).json()).toMatchObject({
      ok: true,
      findings: [],
    });
  });

  test('writes the rule that lets the daemon of a data folder, and others, open secrets', async () => {
    await using scene = await makeDataScene(play.folder);
    const other = await identityToRecipient(await generateX25519Identity());
    const keys = ['--data', 'data', '--recipient', other, '--recipient', scene.recipient];
    expect((await play.run('init', 'repo', ...keys)).exit).toBe(0);
    expect(read('repo/.sops.yaml')).toContain(`    age: ${scene.recipient},${other}\n`);
  });

  test('lists the daemon of a data folder among those who may sign', async () => {
    await using scene = await makeDataScene(play.folder);
    expect((await play.run('init', 'repo', '--data', 'data')).exit).toBe(0);
    const { byKey, findings } = parseAllowedSigners(readFileSync(join(play.folder, 'repo/allowed_signers')));
    expect([...byKey.keys()]).toEqual([scene.commitKey.publicKey.split(' ')[1]]);
    expect(findings).toEqual([]);
    await play.run('init', 'other');
    expect(read('other/allowed_signers')).toBe(readFileSync(starterSigners, 'utf8'));
  });

  test('refuses a recipient that is none', async () => {
    const { exit, stderr } = await play.run('init', 'repo', '--recipient', 'age1mistyped');
    expect([exit, existsSync(join(play.folder, 'repo'))]).toEqual([3, false]);
    expect(stderr).toContain('"age1mistyped" is not an age public key');
  });

  test.each([[], ['--example']])('lets git merge settings by key from the start', async (...args) => {
    await play.run('init', 'repo', ...args);
    expect(play.git('repo', 'config', 'merge.headwater.driver')).toMatch(/ merge-driver %O %A %B %P$/);
    const attribute = play.git('repo', 'check-attr', 'merge', '--', 'services/a/config.json');
    expect(attribute).toBe('services/a/config.json: merge: headwater');
    expect(play.git('repo', 'ls-files', '.gitattributes')).toBe('.gitattributes');
  });

  test('touches no folder that holds something', async () => {
    mkdirSync(join(play.folder, 'full'));
    write('full/notes.txt', 'mine');
    const { exit, stderr } = await play.run('init', 'full');
    expect(exit).toBe(2);
    expect(stderr).toContain('it holds notes.txt');
    expect(existsSync(join(play.folder, 'full/.git'))).toBe(false);
  });

  test.each([['42'], ['base']])('asks for a name when the folder %j gives none', async (dir) => {
    const { exit, stderr } = await play.run('init', dir);
    expect(exit).toBe(2);
    expect(stderr).toContain('--deployment NAME');
  });
});

describe('service add', () => {
  beforeEach(() => play.run('init', 'repo'));
  const add = (...args: string[]) => play.run('service', 'add', ...args, '--repo', 'repo');

  test('writes schema and config in one commit, and leaves what else is staged or changed alone', async () => {
    write('values.json', '{ "$schema": "x", "port": 80, "ratio": 0.5 }');
    write('repo/README.md', 'staged');
    play.git('repo', 'add', 'README.md');
    write('repo/headwater.json', `${read('repo/headwater.json')}\n`);
    const { exit, stdout } = await add('door-lock', '--from', 'values.json', '--owner', 'doors');
    expect([exit, stdout.split('\n')[0]]).toEqual([
      0,
      expect.stringMatching(/^Added door-lock with 2 settings in one commit, [0-9a-f]{7}:$/),
    ]);
    expect(play.git('repo', 'show', '--name-only', '--format=%s%n%an').split('\n')).toEqual([
      'Add service door-lock',
      'Ada',
      '',
      'schemas/door-lock.schema.json',
      'services/door-lock/config.json',
    ]);
    expect(play.git('repo', 'status', '--porcelain').split('\n')).toEqual([
      'M  README.md',
      ' M headwater.json',
    ]);
    expect(JSON.parse(read('repo/services/door-lock/config.json'))).toEqual({ port: 80, ratio: 0.5 });
    expect(JSON.parse(read('repo/schemas/door-lock.schema.json'))).toMatchObject({
      'x-hw': { owner: 'doors' },
    });
    expect((await play.run('validate', '--repo', 'repo', '--rev', 'HEAD')).exit).toBe(0);
  });

  test('refuses secrets by name without showing them, or describes them without their values', async () => {
    write('.env', 'PORT=80\nAPI_KEY=hunter2\nRATIO=1.0\n');
    const refused = await add('door-lock', '--from', '.env');
    expect(refused.exit).toBe(1);
    expect(refused.stderr).toContain('/api_key looks like a secret');
    expect(refused.stderr).toContain('--skip-secrets');
    expect(refused.stderr).not.toContain('hunter2');
    expect(log('repo')).toHaveLength(1);
    expect((await add('door-lock', '--from', '.env', '--skip-secrets')).exit).toBe(0);
    expect(play.git('repo', 'log', '-p', '--all')).not.toContain('hunter2');
    expect(JSON.parse(read('repo/schemas/door-lock.schema.json')).properties).toMatchObject({
      api_key: { type: 'string', 'x-hw': { secret: true, env: 'API_KEY' } },
      ratio: { type: 'number' },
    });
  });

  test('refuses a service that is there, and files that are there but not committed', async () => {
    await add('door-lock');
    expect((await add('door-lock')).stderr).toContain('there is a service "door-lock" already');
    mkdirSync(join(play.folder, 'repo/services/camera'));
    write('repo/services/camera/config.json', '{"mine": 1}');
    const { exit, stderr } = await add('camera');
    expect([exit, stderr]).toEqual([
      3,
      expect.stringContaining('services/camera/config.json has uncommitted changes'),
    ]);
    expect(read('repo/services/camera/config.json')).toBe('{"mine": 1}');
  });

  test('puts everything back when a hook says no', async () => {
    write('repo/.git/hooks/pre-commit', '#!/bin/sh\necho "not on Fridays" >&2\nexit 1\n');
    chmodSync(join(play.folder, 'repo/.git/hooks/pre-commit'), 0o755);
    const { exit, stderr } = await add('door-lock');
    expect([exit, stderr]).toEqual([3, expect.stringContaining('not on Fridays')]);
    expect(play.git('repo', 'status', '--porcelain')).toBe('');
    expect(log('repo')).toHaveLength(1);
  });

  test('never writes through a symbolic link', async () => {
    mkdirSync(join(play.folder, 'outside'));
    rmSync(join(play.folder, 'repo/schemas'), { recursive: true });
    symlinkSync('../outside', join(play.folder, 'repo/schemas'));
    play.git('repo', 'add', '-A');
    play.git('repo', 'commit', '-qm', 'link');
    const { exit, stderr } = await add('door-lock');
    expect([exit, stderr]).toEqual([3, expect.stringContaining('symbolic link')]);
    expect(existsSync(join(play.folder, 'outside/door-lock.schema.json'))).toBe(false);
  });

  test('commits to a bare repository too', async () => {
    play.git('.', 'clone', '-q', '--bare', 'repo', 'bare.git');
    const { exit } = await play.run('service', 'add', 'door-lock', '--repo', 'bare.git');
    expect(exit).toBe(0);
    expect(play.git('bare.git', 'log', '-1', '--format=%s|%an|%ae')).toBe(
      'Add service door-lock|Ada|ada@example.org',
    );
    expect(play.git('bare.git', 'fsck', '--strict')).toBe('');
  });

  test('says so when the folder is no config repository', async () => {
    mkdirSync(join(play.folder, 'plain'));
    play.git('plain', 'init', '-q');
    const { stderr } = await play.run('service', 'add', 'x', '--repo', 'plain');
    expect(stderr).toContain('it has no headwater.json');
  });
});
