import { isHeadwaterError, type JsonObject } from '@headwater/schemas/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { inferSchema } from './infer-schema.ts';

const infer = (values: JsonObject) => inferSchema(values, { service: 'door-lock' });
const propertiesOf = (values: JsonObject) => infer(values).properties as Record<string, JsonObject>;
const refusedBy = (values: JsonObject): readonly string[] => {
  try {
    infer(values);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_SECRET_IN_CONFIG')) throw error;
    expect(error.message + error.hint).not.toContain('hunter2');
    return error.details.pointers as string[];
  }
  return [];
};

describe('an inferred schema', () => {
  test('tells integers from numbers and names the setting', () => {
    expect(propertiesOf({ retry_count: 3, vadThreshold: 0.5, name: 'x', on: true })).toEqual({
      retry_count: { title: 'Retry count', type: 'integer', 'x-hw': { level: 'simple' } },
      vadThreshold: { title: 'Vad threshold', type: 'number', 'x-hw': { level: 'simple' } },
      name: { title: 'Name', type: 'string', 'x-hw': { level: 'simple' } },
      on: { title: 'On', type: 'boolean', 'x-hw': { level: 'simple' } },
    });
  });

  test('takes units from the end of a name, and only from there', () => {
    const found = propertiesOf({
      pad_ms: 1,
      wake_window_sec: 1.5,
      volume_percent: 80,
      rate_hz: 16000,
      ms: 1,
      hz_mode: 1,
    });
    expect(
      Object.entries(found).map(([name, one]) => [name, one.title, (one['x-hw'] as JsonObject).unit]),
    ).toEqual([
      ['pad_ms', 'Pad', 'ms'],
      ['wake_window_sec', 'Wake window', 's'],
      ['volume_percent', 'Volume', '%'],
      ['rate_hz', 'Rate', 'Hz'],
      ['ms', 'Ms', undefined],
      ['hz_mode', 'Hz mode', undefined],
    ]);
  });

  test('is closed, requires nothing, guesses no enum, and has an owner only when told', () => {
    expect(infer({ mode: 'fast' })).toMatchObject({
      type: 'object',
      additionalProperties: false,
      title: 'Door lock',
    });
    expect(infer({ mode: 'fast' })).not.toHaveProperty('required');
    expect(infer({ mode: 'fast' })).not.toHaveProperty('x-hw');
    expect(propertiesOf({ mode: 'fast' }).mode).not.toHaveProperty('enum');
    expect(inferSchema({}, { service: 'a', owner: 'speech' })['x-hw']).toEqual({ owner: 'speech' });
  });

  test('names environment variables only for settings that came from one', () => {
    const schema = inferSchema(
      { a: 1, b: 2 },
      { service: 's', envNames: new Map([['a', 'APP_A']]), fractional: new Set(['b']) },
    );
    expect(schema.properties).toMatchObject({ a: { 'x-hw': { env: 'APP_A' } }, b: { type: 'number' } });
    expect((schema.properties as Record<string, JsonObject>).b?.['x-hw']).not.toHaveProperty('env');
  });

  test('joins the elements of a list, and leaves comments out', () => {
    const { servers, mixed, empty } = propertiesOf({
      $schema: '../x',
      $comment: 'note',
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', weight: 0.5, $comment: 'spare' },
      ],
      mixed: [1, 2.5, 'x', null],
      empty: [],
    });
    expect(servers?.items).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: {
        host: { title: 'Host', type: 'string' },
        port: { title: 'Port', type: 'integer' },
        weight: { title: 'Weight', type: 'number' },
      },
    });
    expect(mixed?.items).toEqual({ type: ['number', 'string', 'null'] });
    expect(empty).not.toHaveProperty('items');
  });

  test('lets a setting that is null now be anything simple later', () => {
    expect(propertiesOf({ model: null }).model?.type).toEqual(['null', 'boolean', 'number', 'string']);
  });

  test('accepts the values it came from', () => {
    const values = { a: 1, b: { c: [0.5, 1], d: null, e_ms: 3 }, f: [[1], ['x']], g: '' };
    const validate = new Ajv2020({ strict: false }).compile(infer(values));
    expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...values, typo: 1 })).toBe(false);
  });
});

describe('secrets in plain values', () => {
  test.each([
    'password',
    'DB_PASSWORD',
    'openai_api_key',
    'apiKey',
    'hf_token',
    'accessToken',
    'client_secret',
    'SECRET_KEY_BASE',
    'aws_secret_access_key',
    'db_pwd',
    'jwt_signing_key',
    'passwordHash',
  ])('are refused by name: %s', (name) => {
    expect(refusedBy({ [name]: 'hunter2' })).toEqual([`/${name}`]);
  });

  test('are refused as numbers too, and inside objects and lists', () => {
    expect(
      refusedBy({ mqtt: { password: 12345 }, list: [{ token: 'hunter2' }], api_keys: ['hunter2', 'b'] }),
    ).toEqual(['/mqtt/password', '/list/0/token', '/api_keys']);
  });

  test.each([
    ['url', 'postgres://app:hunter2@db/app'],
    ['notes', `hw_abcdef012345_${'x'.repeat(43)}`],
    ['identity', 'AGE-SECRET-KEY-1QQQQ'],
    ['pem', '-----BEGIN RSA PRIVATE KEY-----\nhunter2'],
  ])('are refused by value, whatever the name: %s', (name, value) => {
    expect(refusedBy({ [name]: value })).toEqual([`/${name}`]);
  });

  test.each([
    ['max_tokens', 500],
    ['token_limit', 100],
    ['password_file', '/run/x'],
    ['require_password', true],
    ['keyboard', 'us'],
    ['broker_url', 'mqtt://localhost:1883'],
    ['api_key', null],
    ['wake_key', 'space'],
    ['api_key_header', 'X-Key'],
    ['tokenizer', 'bpe'],
    ['memory_top_k', 5],
  ])('are not seen in %s', (name, value) => {
    expect(refusedBy({ [name]: value })).toEqual([]);
  });
});
