/**
 * Everything that may be wrong in a commit, pushed to a running daemon that follows a bare repository without a gate: each is held
 * with its code, its file and a way out, nothing of it goes live, and the daemon lives on.
 */
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, startStack } from '../support/stack.ts';

const config = 'services/camera/config.json';
const schema = 'schemas/camera.schema.json';

interface HeldEntry {
  readonly code: string;
  readonly file: string;
  readonly pointer: string;
  readonly message: string;
  readonly hint: string;
}
interface EnvironmentAnswer {
  readonly epoch: { readonly commit: string };
  readonly held: readonly HeldEntry[];
}

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack({ repository: 'followed' });
  token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
});
afterAll(() => stack[Symbol.asyncDispose]());

async function environment(): Promise<EnvironmentAnswer & { readonly tip: { readonly commit: string } }> {
  const answer = await fetch(`${stack.ready.http}/api/v1/epoch?env=dev`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as EnvironmentAnswer & { readonly tip: { readonly commit: string } };
}

/** The environment once the daemon has judged `commit`. Asking again is the API's own way to wait: it has no other in this version. */
async function judged(commit: string) {
  for (;;) {
    const now = await environment();
    if (now.tip.commit === commit) return now;
  }
}

const write = (path: string, content: string | Uint8Array) => async () => {
  await mkdir(dirname(join(stack.clone, path)), { recursive: true });
  await writeFile(join(stack.clone, path), content);
};
const nested = (depth: number) => `{"device_index":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const schemaWith = (extra: object) =>
  JSON.stringify({ type: 'object', properties: { fps: { type: 'integer' }, ...extra } });

const cases: readonly (readonly [string, string, string | RegExp, () => Promise<unknown>])[] = [
  ['text that is no JSON', 'HW_JSON_SYNTAX', config, write(config, '{ "fps": 10,, }')],
  ['a byte order mark', 'HW_JSON_BOM', config, write(config, '\ufeff{"fps":10}')],
  [
    'bytes that are no UTF-8',
    'HW_JSON_NOT_UTF8',
    config,
    write(config, Buffer.from('7b22667073223aff7d', 'hex')),
  ],
  ['a key twice', 'HW_JSON_DUPLICATE_KEY', config, write(config, '{"fps":10,"fps":20}')],
  [
    'an integer a double cannot hold',
    'HW_JSON_UNSAFE_INTEGER',
    config,
    write(config, '{"fps":9007199254740993}'),
  ],
  ['nesting without end', 'HW_JSON_DEPTH', config, write(config, nested(100))],
  [
    'a key that reaches a prototype',
    'HW_JSON_FORBIDDEN_KEY',
    config,
    write(config, '{"__proto__":{"fps":1}}'),
  ],
  [
    'a file of megabytes',
    'HW_FILE_TOO_LARGE',
    config,
    write(config, `{"fps":10,"x":"${'x'.repeat(600_000)}"}`),
  ],
  ['a list where an object belongs', 'HW_JSON_NOT_OBJECT', config, write(config, '[]')],
  ['a value beyond its bounds', 'HW_CONFIG_INVALID', config, write(config, '{"quality":101}')],
  ['a setting nobody described', 'HW_CONFIG_UNKNOWN_SETTING', config, write(config, '{"fsp":10}')],
  [
    'a link instead of a file',
    'HW_FILE_MODE',
    config,
    async () => {
      await rm(join(stack.clone, config));
      await symlink('/etc/hostname', join(stack.clone, config));
    },
  ],
  [
    'a submodule instead of a folder',
    'HW_FILE_MODE',
    'services/camera',
    async () => {
      await stack.git('rm', '-rq', 'services/camera');
      await stack.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},services/camera`);
      return 'staged';
    },
  ],
  [
    'a service without a schema',
    'HW_SCHEMA_MISSING',
    /schemas\/ghost|services\/ghost/,
    write('services/ghost/config.json', '{}'),
  ],
  [
    'a name in capitals',
    'HW_NAME_INVALID',
    'services/Camera2/config.json',
    write('services/Camera2/config.json', '{}'),
  ],
  ['a reserved name', 'HW_NAME_RESERVED', /services\/epoch/, write('services/epoch/config.json', '{}')],
  [
    'a service inside a service',
    'HW_SERVICE_NESTED',
    /services\/camera/,
    write('services/camera/lens/config.json', '{}'),
  ],
  [
    'an environment nobody declared',
    'HW_ENVIRONMENT_UNDECLARED',
    'services/camera/config.staging.json',
    write('services/camera/config.staging.json', '{}'),
  ],
  ['a schema that is no JSON', 'HW_JSON_SYNTAX', schema, write(schema, '{')],
  [
    'a schema that is no schema',
    'HW_SCHEMA_INVALID',
    schema,
    write(schema, schemaWith({ x: { type: 'sometimes' } })),
  ],
  [
    'a pattern that cannot be linear',
    'HW_SCHEMA_UNSAFE_PATTERN',
    schema,
    write(schema, schemaWith({ x: { type: 'string', pattern: '(?=a)b' } })),
  ],
  [
    'a reference to another machine',
    'HW_SCHEMA_REMOTE_REF',
    schema,
    write(schema, schemaWith({ x: { $ref: 'https://example.org/x.json' } })),
  ],
  [
    'a default for a secret',
    'HW_SCHEMA_SECRET_DEFAULT',
    schema,
    write(schema, schemaWith({ x: { type: 'string', default: 'a', 'x-hw': { secret: true } } })),
  ],
  [
    'a secret in a plain file',
    'HW_SECRET_IN_CONFIG',
    'services/llm-worker/config.json',
    write('services/llm-worker/config.json', '{"openai_api_key":"plain-canary-value"}'),
  ],
  ['settings that cannot be read', 'HW_JSON_SYNTAX', 'headwater.json', write('headwater.json', '{')],
  [
    'another deployment',
    'HW_DEPLOYMENT_CHANGED',
    'headwater.json',
    write(
      'headwater.json',
      '{"headwater":1,"deployment":"other","environments":["dev","prod",{"name":"robot-7","extends":"prod"}]}',
    ),
  ],
  [
    'most services gone',
    'HW_MASS_REMOVAL',
    'services',
    () =>
      stack.git(
        'rm',
        '-rq',
        'services/camera',
        'services/router',
        'services/llm-worker',
        'services/tts-worker',
        'services/memory-worker',
      ),
  ],
];

/** The content every case starts from and heals to. */
let base: string;

test.each(cases)('%s is held as %s', async (_name, code, file, spoil) => {
  base ??= await stack.git('rev-parse', 'HEAD');
  const before = await judged(await stack.git('rev-parse', 'HEAD'));
  expect(before.held).toEqual([]);
  try {
    // A submodule stands in the index alone: there is nothing on disk to add.
    if ((await spoil()) !== 'staged') await stack.git('add', '-A');
    const bad = await judged(await commitAndPush('Spoil it'));
    expect(bad.epoch.commit).toBe(before.epoch.commit);
    const found = bad.held.find((item) => item.code === code);
    expect(found, JSON.stringify(bad.held)).toBeDefined();
    expect(found?.file).toMatch(file);
    expect(found?.hint).toContain('git revert');
    expect(JSON.stringify(bad)).not.toContain('plain-canary-value');
  } finally {
    await stack.git('rm', '-rqf', '--cached', '.');
    await stack.git('read-tree', base);
    await stack.git('checkout-index', '-afq');
    await stack.git('clean', '-fdq');
  }
  const healed = await judged(await commitAndPush('Heal it'));
  expect(healed.held).toEqual([]);
  expect(healed.epoch.commit).toBe(healed.tip.commit);
});

async function commitAndPush(message: string): Promise<string> {
  await stack.git('commit', '-q', '-m', message);
  await stack.git('push', '-q', 'origin', 'HEAD:main');
  return stack.git('rev-parse', 'HEAD');
}

test('a pattern that would hang other validators costs nothing here', async () => {
  const name = 'schemas/camera.schema.json';
  const evil = schemaWith({ x: { type: 'string', pattern: '^(a|a)*$' } });
  const commit = await stack.push({
    'services/camera/config.dev.json': '{}',
    [name]: evil,
    [config]: JSON.stringify({ fps: 10, x: `${'a'.repeat(40)}!` }),
  });
  const now = await judged(commit);
  expect(now.held.find((item) => item.file === config)).toMatchObject({
    code: 'HW_CONFIG_INVALID',
    pointer: '/x',
  });
});

test('the log never shows the value of a secret', () => {
  expect(stack.daemon.lines.join('\n')).not.toContain('plain-canary-value');
});
