import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
