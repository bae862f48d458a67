import assert from 'node:assert';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { type JsonObject, valueAt } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { deepFreeze } from '../freeze.ts';
import { attachSecrets, slotsOf } from './attach-secrets.ts';
import { unavailable } from './opened-secrets.ts';
import { SecretSlot } from './secret-slot.ts';

const canary = 'canary-4f1c';
const set = (...pointers: readonly string[]) =>
  new Map(pointers.map((pointer) => [pointer, SecretSlot.of(pointer, canary)] as const));
const problem = unavailable('damaged', 'it is broken', 'Mend it.');
const broken = (pointer: string) =>
  new Map([
    [pointer, SecretSlot.without(pointer, problem.state === 'unavailable' ? problem.problem : assert.fail())],
  ]);
const make = (document: JsonObject, slots = set('/key', '/db/password')) =>
  deepFreeze(attachSecrets(document, slots)) as { key: string; db: { password: string; host?: string } };
const document = { level: 1, db: { host: 'x' } };

describe('a secret', () => {
  test('is a plain string for whoever reads it, and nothing can change it', () => {
    const config = make(document);
    expect(config.key).toBe(canary);
    expect(config.db.password.length).toBe(canary.length);
    expect(`${config.key}`).toBe(canary);
    expect(valueAt(config, '/db/password')).toBe(canary);
    expect('key' in config && Object.hasOwn(config.db, 'password')).toBe(true);
    expect(() => Object.assign(config, { key: 'other' })).toThrow(TypeError);
    expect(document).toEqual({ level: 1, db: { host: 'x' } });
  });

  test('is left out of whatever copies or lists', () => {
    const config = make(document);
    expect(Object.keys(config)).toEqual(['level', 'db']);
    const copies = [
      { ...config },
      Object.assign({}, config),
      structuredClone(config),
      Object.entries(config),
    ];
    for (const copy of copies) expect(reveal(copy)).not.toContain(canary);
    expect(serialize(config).includes(canary)).toBe(false);
    const named: string[] = [];
    for (const name in config) named.push(name);
    expect(named).toEqual(['level', 'db']);
    expect(config).toEqual(document);
    assert.deepStrictEqual(config, document);
  });

  test.each<[string, (value: unknown) => string]>([
    ['JSON', (value) => JSON.stringify(value)],
    ['pretty JSON', (value) => JSON.stringify({ value }, null, 2)],
    ['inspect', (value) => inspect(value, { depth: null })],
    ['inspect of everything hidden', (value) => inspect(value, { showHidden: true, depth: null })],
    ['inspect with getters', (value) => inspect(value, { getters: true, showHidden: true, depth: null })],
    ['an error', (value) => inspect(Object.assign(new Error('x'), { config: value }), { depth: null })],
    ['%o', (value) => format('%o', value)],
    ['%O', (value) => format('%O', value)],
    ['%j', (value) => format('%j', value)],
    ['a list', (value) => inspect([value, new Map([['config', value]])], { depth: null })],
  ])('shows as [secret] in %s', (_, print) => {
    const text = print(make(document));
    expect(text).not.toContain(canary);
    expect(text.match(/\[secret\]/g)?.length).toBeGreaterThanOrEqual(2);
  });

  test.each<[string, (value: object) => string]>([
    ['console.dir and assertions', (value) => inspect(value, { customInspect: false, depth: null })],
    ['the same with all that is hidden', (value) => reveal(value)],
    ['an assertion that failed', (value) => failedAssertion(value)],
    ['format %s', (value) => format('%s', value)],
    ['text', (value) => `${value} ${String(value)}`],
  ])('shows not at all, or masked, in %s', (_, print) => {
    expect(print(make(document))).not.toContain(canary);
  });

  test('is found through a proxy and through an heir', () => {
    const config = make(document);
    expect(new Proxy(config, {}).key).toBe(canary);
    expect(Object.create(config).key).toBe(canary);
    expect(JSON.stringify(new Proxy(config, {}))).not.toContain(canary);
  });
});

test('inspection keeps to the depth that it was given', () => {
  const config = make({ a: { b: { c: {} } } });
  expect(inspect({ one: { two: { config } } }, { depth: 2 })).toContain('[Object]');
  expect(inspect(config, { depth: 0 })).toContain('db: [Object]');
});

test('objects on the way to a value are made, those that are there keep the rest, and nothing else finds a place', () => {
  const config = make(
    { db: { host: 'x' }, list: [1], none: null } as JsonObject,
    set('/a/b/c', '/db/password', '/list/0', '/none/x'),
  );
  expect(valueAt(config, '/a/b/c')).toBe(canary);
  expect(config.db.host).toBe('x');
  expect(valueAt(config, '/list')).toEqual([1]);
  expect(valueAt(config, '/none')).toBeNull();
  expect([...slotsOf(config).keys()]).toEqual(['/a/b/c', '/db/password', '/list/0', '/none/x']);
});

test('a plain value in the place of a secret is no longer shown', () => {
  const config = make({ key: canary, db: {} }, set('/key'));
  expect(config.key).toBe(canary);
  expect(JSON.stringify(config)).toBe('{"db":{},"key":"[secret]"}');
});

test('one that is unavailable throws when it is read, and only then', () => {
  const config = make({ db: {} }, broken('/db/password'));
  expect(() => config.db.password).toThrow(
    expect.objectContaining({
      code: 'HW_SECRET_UNAVAILABLE',
      message: 'the secret /db/password cannot be read: it is broken',
      hint: 'Mend it.',
      details: { pointer: '/db/password', reason: 'damaged' },
    }),
  );
  expect(JSON.stringify(config)).toBe('{"db":{"password":"[secret unavailable]"}}');
  expect(Object.keys(make({}, broken('/db/password')))).toEqual([]);
});

test('a setting of the name toJSON stays what it is', () => {
  const config = make({ toJSON: 'mine' }, set('/key'));
  expect(valueAt(config, '/toJSON')).toBe('mine');
  expect(JSON.stringify(config)).toBe('{"toJSON":"mine"}');
});

test('a document without secrets is the very same object', () => {
  expect(attachSecrets(document, new Map())).toBe(document);
  expect(slotsOf(document).size).toBe(0);
});

/** As much as an inspection can dig up without calling getters. */
const reveal = (value: unknown): string =>
  inspect(value, { customInspect: false, showHidden: true, depth: null, maxArrayLength: null });

function failedAssertion(value: object): string {
  try {
    assert.deepStrictEqual(value, { other: 1 });
  } catch (error) {
    return `${error} ${inspect(error)}`;
  }
  throw new Error('it did not fail');
}
