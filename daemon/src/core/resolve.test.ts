import type { JsonObject } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from './resolve.ts';

const properties = (of: JsonObject): JsonObject => ({ type: 'object', properties: of });
const layer = (name: string, value: JsonObject) => ({ layer: name, value });

test('defaults, then base, then overlays; objects merge, lists and null replace', () => {
  const schema = properties({
    rate: { type: 'number', default: 1 },
    list: { type: 'array', default: [1, 2] },
    retry: { type: 'object', properties: { times: { default: 3 }, wait: { default: 5 } } },
    host: { type: ['string', 'null'], default: 'x' },
  });
  const { config, origins } = resolveConfig(schema, [
    layer('base', { list: [3], retry: { times: 4 }, extra: { a: 1, b: 2 } }),
    layer('prod', { host: null, extra: { b: 3 }, retry: { wait: 6 } }),
  ]);
  expect(config).toEqual({
    rate: 1,
    list: [3],
    retry: { times: 4, wait: 6 },
    host: null,
    extra: { a: 1, b: 3 },
  });
  expect([...origins]).toEqual([
    ['/rate', 'defaults'],
    ['/list', 'base'],
    ['/retry/times', 'base'],
    ['/retry/wait', 'prod'],
    ['/host', 'prod'],
    ['/extra/a', 'base'],
    ['/extra/b', 'prod'],
  ]);
});

test('an object replaced by something else and set again begins anew', () => {
  const { config, origins } = resolveConfig(properties({}), [
    layer('base', { a: { x: 1, y: 1 } }),
    layer('prod', { a: null }),
    layer('robot', { a: { x: 2 } }),
  ]);
  expect(config).toEqual({ a: { x: 2 } });
  expect([...origins]).toEqual([['/a/x', 'robot']]);
});

test('a shared value reaches a service only where its schema takes it, subtrees included', () => {
  const schema = properties({
    log: { type: 'string', 'x-hw': { shared: true } },
    broker: { type: 'object', 'x-hw': { shared: true }, properties: { host: {} } },
    tls: { type: 'object', properties: { ca: { 'x-hw': { shared: true } }, key: {} } },
    own: { type: 'string' },
  });
  const shared = {
    log: 'warn',
    broker: { host: 'h', port: 1 },
    tls: { ca: 'c', key: 'k' },
    own: 'no',
    other: 1,
  };
  const { config, origins } = resolveConfig(schema, [
    layer('shared', shared),
    layer('shared.prod', { log: 'error', own: 'no' }),
    layer('base', { broker: { port: 2 } }),
  ]);
  expect(config).toEqual({ log: 'error', broker: { host: 'h', port: 2 }, tls: { ca: 'c' } });
  expect(origins.get('/log')).toBe('shared.prod');
  expect(origins.get('/broker/host')).toBe('shared');
  expect(origins.get('/broker/port')).toBe('base');
});

test('secrets are in no config, wherever they were written', () => {
  const secret = { type: 'string', 'x-hw': { secret: true, shared: true } };
  const schema = properties({
    key: secret,
    db: { type: 'object', properties: { password: secret, user: {} } },
  });
  const plain = { key: 'k', db: { password: 'p', user: 'u' } };
  const { config } = resolveConfig(schema, [
    layer('shared', plain),
    layer('base', plain),
    layer('prod', plain),
  ]);
  expect(config).toEqual({ db: { user: 'u' } });
});

describe('mergeKey', () => {
  const schema = properties({
    hooks: {
      type: 'array',
      'x-hw': { mergeKey: 'name' },
      default: [{ name: 'a', on: true, opts: { x: 1 } }],
    },
  });
  const merged = (...lists: JsonObject[][]) =>
    resolveConfig(
      schema,
      lists.map((hooks, index) => layer(`l${index}`, { hooks })),
    ).config.hooks;
  test('items with the same name merge in place, new ones follow', () => {
    expect(merged([{ name: 'b' }, { name: 'a', opts: { y: 2 } }])).toEqual([
      { name: 'a', on: true, opts: { x: 1, y: 2 } },
      { name: 'b' },
    ]);
  });
  test('a list with an item that has no name, or a name twice, replaces', () => {
    expect(merged([{ name: 'b' }, { on: false }])).toEqual([{ name: 'b' }, { on: false }]);
    expect(merged([{ name: 'b' }, { name: 'b' }])).toEqual([{ name: 'b' }, { name: 'b' }]);
  });
});

test('a default of an object comes before those of its members, and an absent object appears only with a default inside', () => {
  const schema = properties({
    a: { type: 'object', default: { x: 1 }, properties: { x: { default: 2 }, y: { default: 3 } } },
    b: { type: 'object', properties: { z: {} } },
  });
  expect(resolveConfig(schema, []).config).toEqual({ a: { x: 1, y: 3 } });
});

const jsonArbitrary = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.jsonValue({ maxDepth: 3 }),
) as fc.Arbitrary<JsonObject>;

test('layers are never changed, resolving twice is the same, and an empty layer changes nothing', () => {
  const schema = properties({
    a: { type: 'object', properties: { b: { default: 1 } } },
    c: { default: [1] },
  });
  fc.assert(
    fc.property(fc.array(jsonArbitrary, { maxLength: 4 }), (values) => {
      const layers = values.map((value, index) => layer(`l${index}`, value));
      const before = JSON.stringify([schema, layers]);
      const { config } = resolveConfig(schema, layers);
      expect(resolveConfig(schema, [...layers, layer('empty', {})]).config).toEqual(config);
      expect(JSON.stringify([schema, layers])).toBe(before);
    }),
  );
});

test('every value has an origin, and its layer holds that value', () => {
  fc.assert(
    fc.property(fc.array(jsonArbitrary, { maxLength: 4 }), (values) => {
      const layers = values.map((value, index) => layer(`l${index}`, value));
      const { config, origins } = resolveConfig(properties({}), layers);
      const leaves = (value: unknown, at = ''): string[] =>
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
          ? Object.entries(value).flatMap(([key, child]) =>
              leaves(child, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
            )
          : [at];
      if (Object.keys(config).length > 0) expect([...origins.keys()]).toEqual(leaves(config));
    }),
  );
});
