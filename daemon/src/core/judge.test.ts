import { createHash } from 'node:crypto';
import type { JsonObject } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Content, MemoryTree, starterFiles } from '../testing/memory-tree.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import type { Finding } from './finding.ts';
import { createJudge, type Judge } from './judge.ts';
import { RepoIndex } from './repo-index.ts';
import type { Problem } from './validate.ts';
import { validateTree } from './validate-tree.ts';

const settings = { json: { headwater: 1, deployment: 'tars', environments: ['dev', 'prod'] } };
const secret = { type: 'string', 'x-hw': { secret: true } };
const schema = (properties: JsonObject, more: JsonObject = {}) => ({
  json: { type: 'object', properties, ...more },
});

let tree: MemoryTree;
let index: RepoIndex;
let judge: Judge;
let checks: number;

beforeEach(async () => {
  tree = new MemoryTree();
  index = await RepoIndex.create(tree.readBlob);
  checks = 0;
  const validator = createInlineSchemaValidator();
  const counting = {
    ...validator,
    check: (...args: Parameters<typeof validator.check>) => {
      checks++;
      return validator.check(...args);
    },
  };
  judge = createJudge({ readBlob: tree.readBlob, validator: counting, crypto: nodeCrypto });
  await put({ 'headwater.json': settings });
});

async function put(files: Readonly<Record<string, Content | null>>) {
  await index.apply(tree.change(files));
}
async function verdict(service = 'a', env = 'prod') {
  const inputs = index.inputs(service, env);
  if (inputs === null) throw new Error(`${service} is not in ${env}`);
  return judge.judge(inputs);
}
const place = ({ severity, code, file, pointer, line }: Finding) => [severity, code, file, pointer, line];
async function found(files: Readonly<Record<string, Content | null>>) {
  await put(files);
  return (await verdict()).findings.map(place);
}

test('environments made of the same files share one config, which is checked once; an overlay makes another', async () => {
  await put({
    'services/a/config.json': { json: { value: 1 } },
    'services/b/config.json': { json: { value: 1 } },
    'services/b/config.prod.json': { json: { value: 2 } },
    'schemas/a.schema.json': schema({ value: { type: 'integer' } }),
    'schemas/b.schema.json': schema({ value: { type: 'integer' }, other: { type: 'string' } }),
  });
  const [dev, prod] = await Promise.all([verdict('a', 'dev'), verdict('a', 'prod')]);
  expect(dev.resolved?.config).toEqual({ value: 1 });
  expect(prod.resolved?.config).toBe(dev.resolved?.config);
  expect(prod.resolved?.digest).toBe(dev.resolved?.digest);
  expect(checks).toBe(2); // the schema's defaults, and the config
  const [base, overlaid] = await Promise.all([verdict('b', 'dev'), verdict('b', 'prod')]);
  expect(base.resolved?.config).toEqual({ value: 1 });
  expect(overlaid.resolved?.config).toEqual({ value: 2 });
});

test('what is wrong in a config is told of every environment', async () => {
  await put({
    'services/a/config.json': { json: { value: 'x' } },
    'schemas/a.schema.json': schema({ value: { type: 'integer' } }),
  });
  const both = await Promise.all([verdict('a', 'dev'), verdict('a', 'prod')]);
  expect(both.map(({ resolved }) => resolved)).toEqual([null, null]);
  expect(both.flatMap(({ findings }) => findings.map(({ env, code }) => [env, code]))).toEqual([
    ['dev', 'HW_CONFIG_INVALID'],
    ['prod', 'HW_CONFIG_INVALID'],
  ]);
});

test('the starter repository is valid in every environment', async () => {
  await put(starterFiles());
  expect(index.structural).toEqual([]);
  expect([...index.services('robot-7')]).toHaveLength(7);
  expect((await validateTree(index, judge)).filter(({ severity }) => severity === 'error')).toEqual([]);
  expect((await verdict('stt-worker', 'robot-7')).resolved?.config).toMatchObject({
    noise_min_rms: expect.any(Number),
  });
});

test('a valid service has its config, digests and no findings', async () => {
  await put({
    'schemas/a.schema.json': schema({ x: { type: 'number', default: 1 }, y: {} }),
    'services/a/config.json': '{"y": 2}',
  });
  const bytes = Buffer.from(
    JSON.stringify(schema({ x: { type: 'number', default: 1 }, y: {} }).json, null, 2),
  );
  expect(await verdict()).toEqual({
    key: index.inputs('a', 'prod')?.key,
    findings: [],
    resolved: {
      config: { x: 1, y: 2 },
      digest: `sha256:${createHash('sha256').update('{"x":1,"y":2}').digest('hex')}`,
      schema: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      schemaDocument: expect.objectContaining({ type: 'object' }),
      secrets: null,
    },
  });
});

describe('a problem is told at the file and line that caused it', () => {
  const limited = schema(
    { rate: { type: 'number', maximum: 10, default: 1 }, host: { type: 'string' } },
    { required: ['host'] },
  );
  const cases: [string, Record<string, Content>, unknown[]][] = [
    [
      'the overlay that set the value',
      {
        'services/a/config.json': '{"host":"h","rate": 2}',
        'services/a/config.prod.json': '{\n\n"rate": 20}',
      },
      ['error', 'HW_CONFIG_INVALID', 'services/a/config.prod.json', '/rate', 3],
    ],
    [
      'the base that set it',
      { 'services/a/config.json': '{"host":"h",\n"rate": 20}', 'services/a/config.prod.json': '{}' },
      ['error', 'HW_CONFIG_INVALID', 'services/a/config.json', '/rate', 2],
    ],
    [
      'the base where nobody set it',
      { 'services/a/config.json': '{}', 'services/a/config.prod.json': '{}' },
      ['error', 'HW_CONFIG_INVALID', 'services/a/config.json', '/host', 1],
    ],
    [
      'an unknown setting',
      { 'services/a/config.json': '{"host":"h"}', 'services/a/config.prod.json': '{\n"hots": "h"}' },
      ['error', 'HW_CONFIG_UNKNOWN_SETTING', 'services/a/config.prod.json', '/hots', 2],
    ],
    [
      'a file that is no JSON',
      { 'services/a/config.json': '{"host":"h"}', 'services/a/config.prod.json': '{\n"rate": }' },
      ['error', 'HW_JSON_SYNTAX', 'services/a/config.prod.json', '', 2],
    ],
  ];
  test.each(cases)('%s', async (_, files, finding) => {
    expect(await found({ 'schemas/a.schema.json': limited, ...files })).toEqual([finding]);
    expect((await verdict()).resolved).toBeNull();
  });

  test('a shared file', async () => {
    const shared = schema({ rate: { type: 'number', maximum: 10, 'x-hw': { shared: true } } });
    expect(
      await found({
        'schemas/a.schema.json': shared,
        'services/a/config.json': '{}',
        'services/shared.json': '{\n"rate":99}',
      }),
    ).toEqual([['error', 'HW_CONFIG_INVALID', 'services/shared.json', '/rate', 2]]);
  });
});

test('a message says what was expected and what stands there; an unknown setting what was meant', async () => {
  await put({
    'schemas/a.schema.json': schema({ rate: { type: 'number', minimum: 0, maximum: 1 } }),
    'services/a/config.json': '{"rate":7,"raet":1}',
  });
  expect((await verdict()).findings.map(({ message, hint }) => [message, hint])).toEqual([
    ['the schema does not describe a setting "raet"', expect.stringMatching(/^Did you mean "rate"\?/)],
    ['expected a number from 0 to 1, got 7', expect.any(String)],
  ]);
});

test('a schema that closes itself tells an unknown setting once', async () => {
  await put({
    'schemas/a.schema.json': schema({ x: {} }, { additionalProperties: false }),
    'services/a/config.json': '{"y":1}',
  });
  expect((await verdict()).findings.map(({ code }) => code)).toEqual(['HW_CONFIG_UNKNOWN_SETTING']);
});

describe('settings that the schema describes elsewhere are known', () => {
  test.each<[string, JsonObject]>([
    ['additionalProperties', { additionalProperties: { type: 'number' } }],
    ['patternProperties', { patternProperties: { '^e': {} } }],
    ['a condition', JSON.parse('{"if":true,"then":{"properties":{"extra":{}}}}')],
    [
      'an alternative behind a reference',
      { $defs: { e: { properties: { extra: {} } } }, anyOf: [{ $ref: '#/$defs/e' }] },
    ],
    ['allOf', { allOf: [{ properties: { extra: {} } }] }],
  ])('by %s', async (_, more) => {
    expect(
      await found({
        'schemas/a.schema.json': schema({ x: {} }, more),
        'services/a/config.json': '{"extra":1}',
      }),
    ).toEqual([]);
  });
  test('and unknown below a known object when they are not', async () => {
    const nested = schema({ o: { type: 'object', properties: { x: {} } }, free: { type: 'object' } });
    expect(
      await found({
        'schemas/a.schema.json': nested,
        'services/a/config.json': '{"o":{"y":1},"free":{"y":1}}',
      }),
    ).toEqual([['error', 'HW_CONFIG_UNKNOWN_SETTING', 'services/a/config.json', '/o/y', 1]]);
  });
});

test('a rule between two settings is broken at the first one', async () => {
  const rules = [{ le: ['/low', '/o/high'], message: 'low must not be above high' }];
  const ruled = schema(
    { low: {}, o: { type: 'object', properties: { high: { default: 5 } } } },
    { 'x-hw': { rules } },
  );
  expect(await found({ 'schemas/a.schema.json': ruled, 'services/a/config.json': '{"low":6}' })).toEqual([
    ['error', 'HW_CONFIG_INVALID', 'services/a/config.json', '/low', 1],
  ]);
  expect((await verdict()).findings[0]?.message).toBe('low must not be above high');
  expect(await found({ 'services/a/config.json': '{"low":5}' })).toEqual([]);
});

describe('secrets', () => {
  const withSecret = schema(
    { token: secret, o: { type: 'object', properties: { key: secret } } },
    { required: ['token'] },
  );
  test('one in a plain file is an error that names the place and never the value', async () => {
    expect(
      await found({
        'schemas/a.schema.json': withSecret,
        'services/a/config.json': '{}',
        'services/a/config.prod.json': '{"o":{\n"key":"hunter2"}}',
      }),
    ).toEqual([['error', 'HW_SECRET_IN_CONFIG', 'services/a/config.prod.json', '/o/key', 2]]);
    expect(JSON.stringify(await verdict())).not.toContain('hunter2');
  });
  test('a text with the look of one is a warning; a token of our own, or an age identity, an error', async () => {
    await put({
      'schemas/a.schema.json': schema({ url: {}, list: {}, token: { type: 'string' } }),
      'services/a/config.json': '{"url": "mqtt://robot:hunter2@broker"}',
    });
    expect((await verdict()).findings.map(place)).toEqual([
      ['warning', 'HW_SECRET_SUSPECTED', 'services/a/config.json', '/url', 1],
    ]);
    expect((await verdict()).resolved).not.toBeNull();
    const token = `hw_abcdef012345_${'aB3'.repeat(14)}x`;
    await put({ 'services/a/config.prod.json': JSON.stringify({ list: [token] }) });
    expect((await verdict()).findings.map(place)).toContainEqual([
      'error',
      'HW_SECRET_EXPOSED',
      'services/a/config.prod.json',
      '/list/0',
      1,
    ]);
    expect((await verdict()).resolved).toBeNull();
    expect(JSON.stringify(await verdict())).not.toMatch(/hunter2|aB3aB3/);
  });
  test('a default of one is an error of the schema', async () => {
    const leaking = schema({ token: { ...secret, default: 'hunter2' } });
    expect(await found({ 'schemas/a.schema.json': leaking, 'services/a/config.json': '{}' })).toEqual([
      [
        'error',
        'HW_SCHEMA_SECRET_DEFAULT',
        'schemas/a.schema.json',
        '/properties/token/default',
        expect.any(Number),
      ],
    ]);
    expect(JSON.stringify(await verdict())).not.toContain('hunter2');
  });
  test('a required one that is not set is a warning, and the config is valid without it', async () => {
    expect(await found({ 'schemas/a.schema.json': withSecret, 'services/a/config.json': '{}' })).toEqual([
      ['warning', 'HW_SECRET_MISSING', 'schemas/a.schema.json', '/properties/token', undefined],
    ]);
    expect((await verdict()).resolved?.config).toEqual({});
  });
  test('one that only a condition requires does not hold the config', async () => {
    const conditional = schema(
      { mode: {}, token: secret },
      JSON.parse('{"if":{"properties":{"mode":{"const":"tls"}}},"then":{"required":["token"]}}'),
    );
    expect(
      await found({ 'schemas/a.schema.json': conditional, 'services/a/config.json': '{"mode":"tls"}' }),
    ).toEqual([]);
  });
});

describe('schemas', () => {
  const base = { 'services/a/config.json': '{}' };
  test('a missing one is an error', async () => {
    expect(await found(base)).toEqual([
      ['error', 'HW_SCHEMA_MISSING', 'schemas/a.schema.json', '', undefined],
    ]);
  });
  test('a broken one is told with its line, beside what is wrong in the config files', async () => {
    expect(await found({ 'schemas/a.schema.json': '{\n"type": }', 'services/a/config.json': '[]' })).toEqual([
      ['error', 'HW_JSON_SYNTAX', 'schemas/a.schema.json', '', 2],
      ['error', 'HW_JSON_NOT_OBJECT', 'services/a/config.json', '', 1],
    ]);
  });
  test('a default that does not fit its own setting is an error of the schema, also where it is overridden', async () => {
    const files = {
      'schemas/a.schema.json': schema({ x: { type: 'number', maximum: 1, default: 5 } }),
      'services/a/config.json': '{"x":1}',
    };
    expect(await found(files)).toEqual([
      ['error', 'HW_SCHEMA_INVALID', 'schemas/a.schema.json', '/properties/x/default', expect.any(Number)],
    ]);
  });
  test('defaults alone need not be a valid config', async () => {
    const files = {
      'schemas/a.schema.json': schema({ x: { default: 1 }, y: {} }, { required: ['y'] }),
      'services/a/config.json': '{"y":1}',
    };
    expect(await found(files)).toEqual([]);
  });
  test('an unsafe pattern is told at the keyword', async () => {
    expect(await found({ ...base, 'schemas/a.schema.json': schema({ x: { pattern: '(?=a)' } }) })).toEqual([
      [
        'error',
        'HW_SCHEMA_UNSAFE_PATTERN',
        'schemas/a.schema.json',
        '/properties/x/pattern',
        expect.any(Number),
      ],
    ]);
  });
  const nested = `${'{"properties":{"a":'.repeat(500)}{}${'}}'.repeat(500)}`;
  test.each<[string, Content, string]>([
    [
      '3000 properties',
      schema(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`p${i}`, {}]))),
      'HW_SCHEMA_LIMIT',
    ],
    ['500 nested levels', nested, 'HW_JSON_DEPTH'],
    ['more than 512 KiB', `{"$comment":"${'x'.repeat(600_000)}"}`, 'HW_FILE_TOO_LARGE'],
    [
      'a circle of references',
      schema({ x: { $ref: '#/properties/y' }, y: { $ref: '#/properties/x' } }),
      'HW_SCHEMA_INVALID',
    ],
  ])('%s end in a finding', async (_, content, code) => {
    const findings = await found({ ...base, 'schemas/a.schema.json': content });
    expect(findings.map(([severity, found, file]) => [severity, found, file])).toEqual([
      ['error', code, 'schemas/a.schema.json'],
    ]);
  });
  test('the largest one that the limits allow is judged', async () => {
    const large = schema(
      Object.fromEntries(
        Array.from({ length: 1000 }, (_, i) => [`p${i}`, { type: 'number', minimum: 0, default: 1 }]),
      ),
    );
    expect(await found({ ...base, 'schemas/a.schema.json': large })).toEqual([]);
  });
});

test('a resolved config above 512 KiB is too large, though each file is not', async () => {
  const half = (name: string) => ({ json: { [name]: 'x'.repeat(300_000) } });
  const files = {
    'schemas/a.schema.json': schema({ x: {}, y: {} }),
    'services/a/config.json': half('x'),
    'services/a/config.prod.json': half('y'),
  };
  expect(await found(files)).toEqual([['error', 'HW_CONFIG_TOO_LARGE', 'services/a/config.json', '', 1]]);
});

test('keys that reach prototypes are refused in config and schema, and pollute nothing', async () => {
  await put({
    'schemas/a.schema.json': '{"type":"object","properties":{"__proto__":{"default":{"polluted":1}}}}',
    'services/a/config.json': '{"__proto__":{"polluted":1}}',
  });
  expect((await verdict()).findings.map(({ code }) => code)).toEqual([
    'HW_JSON_FORBIDDEN_KEY',
    'HW_JSON_FORBIDDEN_KEY',
  ]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('equal inputs', () => {
  const files = { 'schemas/a.schema.json': schema({ x: {} }), 'services/a/config.json': '{"x":1}' };
  test('are judged once', async () => {
    await put(files);
    const first = await verdict();
    const before = checks;
    await put({ 'services/a/config.prod.json': '{}' });
    await put({ 'services/a/config.prod.json': null });
    expect(await verdict()).toBe(first);
    expect(checks).toBe(before);
  });
  test('are judged again when there was no time for it', async () => {
    await put(files);
    const late: Problem = {
      code: 'HW_VALIDATION_TIMEOUT',
      about: 'schema',
      pointer: '',
      message: 'late',
      hint: '',
    };
    const answers: Problem[][] = [[late], [], []];
    const validator = { check: async () => answers.shift() ?? [], close: async () => {} };
    judge = createJudge({ readBlob: tree.readBlob, validator, crypto: nodeCrypto });
    expect((await verdict()).resolved).toBeNull();
    expect((await verdict()).resolved?.config).toEqual({ x: 1 });
  });
});

describe('all findings of a tree', () => {
  test('come sorted, once each, with the environment only where it matters', async () => {
    await put({
      'schemas/a.schema.json': schema({ x: { type: 'number' }, y: { type: 'number' } }),
      'services/a/config.json': '{"x":"1",\n"z":1}',
      'services/a/config.prod.json': '{"y":"1"}',
      'services/b/config.json': '{}',
    });
    expect(
      (await validateTree(index, judge)).map(({ file, code, line, env }) => [file, code, line, env]),
    ).toEqual([
      ['schemas/b.schema.json', 'HW_SCHEMA_MISSING', undefined, undefined],
      ['services/a/config.json', 'HW_CONFIG_INVALID', 1, undefined],
      ['services/a/config.json', 'HW_CONFIG_UNKNOWN_SETTING', 2, undefined],
      ['services/a/config.prod.json', 'HW_CONFIG_INVALID', 1, 'prod'],
    ]);
  });
  test('name shared values that nobody takes', async () => {
    const taking = schema({ o: { type: 'object', properties: { x: { 'x-hw': { shared: true } } } } });
    await put({
      'schemas/a.schema.json': taking,
      'services/g/a/config.json': '{}',
      'services/shared.json': '{"o":{"x":1,\n"y":2},\n"p":{"q":1}}',
      'services/empty/shared.json': '{"o":',
    });
    expect((await validateTree(index, judge)).map(place)).toEqual([
      ['warning', 'HW_JSON_SYNTAX', 'services/empty/shared.json', '', 1],
      ['warning', 'HW_SHARED_UNUSED', 'services/shared.json', '/o/y', 2],
      ['warning', 'HW_SHARED_UNUSED', 'services/shared.json', '/p', 3],
    ]);
  });
});
