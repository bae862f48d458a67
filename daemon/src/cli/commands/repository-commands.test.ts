import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makePlayground, type Playground } from '../testing/run-command.ts';

// The worker is a built file; the same judgement in this thread serves here.
vi.mock('../../adapters/schema-validator.ts', async () => {
  const { createInlineSchemaValidator } = await import('../../testing/schema-validator.ts');
  return { createSchemaValidator: createInlineSchemaValidator };
});

let play: Playground;
/** The example is made once: writing its objects takes longer than most tests here. */
let example: Playground;
beforeAll(async () => {
  example = makePlayground();
  await example.run('init', 'repo', '--example');
});
afterAll(() => example[Symbol.dispose]());
const copyExample = () =>
  cpSync(join(example.folder, 'repo'), join(play.folder, 'repo'), {
    recursive: true,
    preserveTimestamps: true,
  });
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

describe('validate', () => {
  beforeEach(copyExample);

  test('judges the files on disk, says where each mistake is and what to do, and exits with 1', async () => {
    const path = 'repo/services/stt-worker/config.json';
    write(path, read(path).replace(/"vad_threshold": [\d.]+/, '"vad_threshold": 7'));
    const { exit, stdout } = await play.run('validate', '--repo', 'repo');
    expect(exit).toBe(1);
    expect(stdout).toMatch(
      /services\/stt-worker\/config\.json:\d+ {2}\/vad_threshold {2}error .+\n {4}.+HW_CONFIG_INVALID/,
    );
    expect(stdout).toContain('1 error, 0 warnings: 7 services in 3 environments.');
    expect((await play.run('validate', '--repo', 'repo', '--rev', 'HEAD')).exit).toBe(0);
    play.git('repo', 'commit', '-qam', 'break it');
    expect((await play.run('validate', '--repo', 'repo', '--rev', 'HEAD')).exit).toBe(1);
    expect((await play.run('validate', '--repo', 'repo', '--rev', 'HEAD~1')).exit).toBe(0);
    expect((await play.run('validate', '--repo', 'repo', '--rev', 'nowhere')).stderr).toContain(
      'has no commit "nowhere"',
    );
  });

  test('gives GitHub an annotation at the line, which a hostile name cannot break out of', async () => {
    write('repo/services/stt-worker/config.dev.json', '{\n  "x\\n::error file=headwater.json::gone": 1\n}\n');
    const { stdout } = await play.run('validate', '--repo', 'repo', '--format', 'github');
    expect(stdout).toMatch(
      /^::error file=services\/stt-worker\/config\.dev\.json,line=2,title=HW_CONFIG_UNKNOWN_SETTING/,
    );
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  test('never reads through a link, and passes over what git ignores', async () => {
    write('secret.json', '{"vad_threshold": 7}');
    rmSync(join(play.folder, 'repo/services/stt-worker/config.dev.json'));
    symlinkSync('../../../secret.json', join(play.folder, 'repo/services/stt-worker/config.dev.json'));
    write('repo/services/shared.dev.json.orig', '{');
    write('repo/.gitignore', '*.orig\n');
    const ran = await play.run('validate', '--repo', 'repo', '--json');
    const { findings } = ran.json<{ findings: { code: string; file: string }[] }>();
    expect(findings.map((one) => [one.code, one.file])).toEqual([
      ['HW_FILE_MODE', 'services/stt-worker/config.dev.json'],
    ]);
  });

  test('gives the same as JSON, by either option', async () => {
    write('repo/presets/night-mode.txt', 'x');
    const [a, b] = [
      await play.run('validate', '--repo', 'repo', '--json'),
      await play.run('validate', '--repo', 'repo', '--format', 'json'),
    ];
    expect(a.json()).toEqual(b.json());
    expect(a.json()).toMatchObject({ findings: [{ file: 'presets/night-mode.txt' }] });
  });
});

describe('import', () => {
  beforeEach(copyExample);
  const run = (kind: string, file: string, ...more: string[]) =>
    play.run('import', kind, file, '--service', 'stt-worker', '--repo', 'repo', ...more);

  test('maps variables by the schema, reads them as their types, shows what changes, and commits once', async () => {
    write(
      '.env',
      'WHISPER_MODEL=tiny.en\nvad_threshold=0.61\nSTREAMING_PARTIALS=yes\nWS_URL=\nPATH_OF_OTHERS=/x\n',
    );
    const dry = await run('env', '.env', '--env', 'dev', '--dry-run');
    expect(dry.stdout).toContain('Would change services/stt-worker/config.dev.json:');
    expect(dry.stdout).toMatch(/\/vad_threshold +— → 0\.61/);
    expect(dry.stdout).toContain('No setting takes PATH_OF_OTHERS.');
    expect(log('repo')).toHaveLength(1);
    const ran = await run('env', '.env', '--env', 'dev', '--json');
    expect(ran.exit).toBe(0);
    expect(ran.json<{ changes: unknown }>().changes).toEqual(
      expect.arrayContaining([
        { pointer: '/streaming_partials', to: true },
        { pointer: '/vad_threshold', to: 0.61 },
      ]),
    );
    expect(JSON.parse(read('repo/services/stt-worker/config.dev.json'))).toMatchObject({
      whisper_model: 'tiny.en',
      vad_threshold: 0.61,
      ws_url: null,
    });
    expect(log('repo')[0]).toMatch(/^Import \d settings of stt-worker for dev$/);
    expect((await run('env', '.env', '--env', 'dev')).stdout).toContain('Nothing to change.');
    expect(log('repo')).toHaveLength(2);
  });

  test.each<[string, string, string, string]>([
    [
      'a secret setting',
      'env',
      'STT_OPENAI_API_KEY=hunter2hunter2',
      'STT_OPENAI_API_KEY would put a secret into plain config',
    ],
    ['an address with a password', 'env', 'WS_URL=ws://u:hunter2@h/', 'WS_URL would put a secret'],
    ['a wrong type', 'env', 'VAD_THRESHOLD=hunter2', 'VAD_THRESHOLD (/vad_threshold) does not fit'],
    ['a value out of bounds', 'env', 'VAD_THRESHOLD=7', 'nothing was changed'],
    ['an unknown setting in a document', 'json', '{"vad_treshold": 0.5}', 'does not describe /vad_treshold'],
    [
      'a secret in a document',
      'json',
      '{"openai_api_key": "hunter2hunter2"}',
      '/openai_api_key would put a secret',
    ],
  ])('refuses %s, and commits nothing', async (_, kind, text, message) => {
    write('values', text);
    const { exit, stderr } = await run(kind, 'values');
    expect([exit, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(stderr).not.toContain('hunter2');
    expect(log('repo')).toHaveLength(1);
    expect(play.git('repo', 'status', '--porcelain')).toBe('');
  });

  test('names what was probably meant', async () => {
    write('values', 'A=1');
    const { stderr } = await play.run(
      'import',
      'env',
      'values',
      '--service',
      'stt-workr',
      '--repo',
      join(play.folder, 'repo'),
    );
    expect(stderr).toContain('Did you mean "stt-worker"?');
  });
});
