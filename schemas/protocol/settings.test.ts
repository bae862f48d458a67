import { describe, expect, test } from 'vitest';
import type { JsonObject } from './json.ts';
import { defaultsOf, eachSetting, readSettings } from './settings.ts';

const pointers = (schema: JsonObject): string[] =>
  [...eachSetting(readSettings(schema))].map((one) => one.pointer);
const properties = (fields: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties: fields,
  ...more,
});

describe('defaults', () => {
  test('of plain settings, null and empty values included', () => {
    const schema = properties({
      a: { default: 1 },
      b: { default: null },
      c: { default: '' },
      d: { default: [] },
      e: { type: 'string' },
    });
    expect(defaultsOf(schema)).toEqual({ a: 1, b: null, c: '', d: [] });
  });

  test('an object’s own default comes first, then those of its children fill what it leaves out', () => {
    const schema = properties({
      audio: properties(
        { rate: { default: 8000 }, channels: { default: 1 } },
        { default: { rate: 16000, extra: true } },
      ),
    });
    expect(defaultsOf(schema)).toEqual({ audio: { rate: 16000, extra: true, channels: 1 } });
  });

  test('the schema’s own default is read too', () => {
    expect(defaultsOf(properties({ a: { default: 1 }, b: { default: 2 } }, { default: { b: 3 } }))).toEqual({
      a: 1,
      b: 3,
    });
    expect(defaultsOf({ default: 'no object' })).toEqual({});
  });

  test('a child present in its parent’s default keeps it, and only its children complete it', () => {
    const child = properties({ x: { default: 1 }, y: { default: 2 } }, { default: { x: 9, z: 9 } });
    expect(defaultsOf(properties({ o: properties({ child }, { default: { child: { y: 5 } } }) }))).toEqual({
      o: { child: { y: 5, x: 1 } },
    });
  });

  test('an absent object appears only when a child of it has a default', () => {
    const schema = properties({
      empty: properties({ a: { type: 'string' } }),
      full: properties({ deep: properties({ a: { default: 0 } }) }),
      given: properties({}, { default: {} }),
    });
    expect(defaultsOf(schema)).toEqual({ full: { deep: { a: 0 } }, given: {} });
  });

  test('a default that is no object is not completed', () => {
    const schema = properties({
      a: properties({ b: { default: 1 } }, { default: null }),
      c: properties({ d: { default: 1 } }, { default: [] }),
    });
    expect(defaultsOf(schema)).toEqual({ a: null, c: [] });
  });

  test('come through local $ref and allOf, the nearest one first', () => {
    const schema = properties(
      {
        a: { $ref: '#/$defs/volume' },
        b: { $ref: '#/$defs/volume', default: 7 },
        c: { allOf: [{ type: 'integer' }, { default: 3 }, { default: 4 }] },
        d: { $ref: '#/$defs/twice' },
        e: { $ref: '#/$defs/a~1b%20c' },
        f: { $ref: '#/allOf/0/properties/joined' },
      },
      {
        $defs: { volume: { default: 5 }, twice: { $ref: '#/$defs/volume' }, 'a/b c': { default: 6 } },
        allOf: [properties({ joined: { default: 8 } })],
      },
    );
    expect(defaultsOf(schema)).toEqual({ a: 5, b: 7, c: 3, d: 5, e: 6, f: 8, joined: 8 });
  });

  test('do not come from anyOf, oneOf, if, items, other keywords or far references', () => {
    const inner = properties({ x: { default: 1 } });
    const schema = properties(
      {
        list: { type: 'array', items: inner, prefixItems: [inner] },
        any: { anyOf: [inner] },
        one: { oneOf: [{ default: 1 }] },
        far: { $ref: 'https://example.org/other.json' },
        gone: { $ref: '#/$defs/missing' },
        broken: { $ref: '#/%zz' },
        forbidden: false,
      },
      {
        anyOf: [inner],
        oneOf: [inner],
        if: inner,
        // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword
        then: inner,
        else: inner,
        not: inner,
        patternProperties: { '^y': { default: 1 } },
        additionalProperties: { default: 1 },
        dependentSchemas: { list: inner },
      },
    );
    expect(defaultsOf(schema)).toEqual({});
  });

  test('never hold a secret, wherever a default tries to put one', () => {
    const secret = { type: 'string', default: 'hunter2', 'x-hw': { secret: true } };
    const schema = properties(
      {
        password: secret,
        referred: { $ref: '#/$defs/secret' },
        db: properties(
          { password: secret, host: { default: 'localhost' } },
          { default: { password: 'hunter2' } },
        ),
        only: properties({ password: secret }),
      },
      { $defs: { secret }, default: { password: 'hunter2', db: { password: 'hunter2', port: 1 } } },
    );
    expect(JSON.stringify(defaultsOf(schema))).not.toContain('hunter2');
    expect(defaultsOf(schema)).toEqual({ db: { port: 1, host: 'localhost' } });
  });

  test('of names that every object inherits are like others', () => {
    expect(defaultsOf(properties({ toString: { default: 1 }, hasOwnProperty: {} }))).toEqual({ toString: 1 });
  });

  test('do not change the schema', () => {
    const schema = properties({ a: properties({ b: { default: 1 } }, { default: { c: {} } }) });
    const before = structuredClone(schema);
    defaultsOf(schema);
    expect(schema).toEqual(before);
  });
});

describe('settings', () => {
  test('know their pointer, whether they are required, and their annotations with their defaults', () => {
    const [setting] = readSettings(
      properties(
        { 'a/b': { 'x-hw': { apply: 'restart', unit: 'ms', relates: ['x#/y', 5], order: 2 } } },
        { required: ['a/b'] },
      ),
    );
    expect(setting).toMatchObject({
      name: 'a/b',
      pointer: '/a~1b',
      required: true,
      children: [],
      annotations: {
        level: 'advanced',
        apply: 'restart',
        secret: false,
        shared: false,
        unit: 'ms',
        relates: ['x#/y'],
        order: 2,
      },
    });
  });

  test('annotations come through references, the nearest one first', () => {
    const schema = properties(
      { a: { $ref: '#/$defs/x', 'x-hw': { unit: 's' } } },
      { $defs: { x: { 'x-hw': { secret: true, unit: 'ms' } } } },
    );
    expect(readSettings(schema)[0]?.annotations).toMatchObject({ secret: true, unit: 's' });
  });

  test('a property that is simply true is a setting too', () => {
    expect(pointers(properties({ a: true, b: false }))).toEqual(['/a']);
  });

  test('a property described twice is one setting', () => {
    const schema = properties(
      { a: { type: 'string' } },
      { allOf: [properties({ a: { 'x-hw': { secret: true } } })] },
    );
    expect(pointers(schema)).toEqual(['/a']);
    expect(readSettings(schema)[0]?.annotations.secret).toBe(true);
  });
});

describe('a schema that refers to itself', () => {
  const chain = properties({
    next: { $ref: '#' },
    password: { 'x-hw': { secret: true } },
    x: { default: 1 },
  });

  test('is read as deep as a config can be, so no secret is missed', () => {
    const secrets = [...eachSetting(readSettings(chain))].filter((one) => one.annotations.secret);
    expect(secrets).toHaveLength(64);
  });

  test('fills in defaults only where the object is there', () => {
    expect(defaultsOf(chain)).toEqual({ x: 1 });
    expect(defaultsOf({ ...chain, default: { next: { next: {} } } })).toEqual({
      x: 1,
      next: { x: 1, next: { x: 1 } },
    });
  });

  test('ends when references only lead in a circle', () => {
    expect(
      pointers(
        properties(
          { a: { $ref: '#/$defs/x' } },
          { $defs: { x: { $ref: '#/$defs/y' }, y: { $ref: '#/$defs/x' } } },
        ),
      ),
    ).toEqual(['/a']);
  });
});

describe('a schema that multiplies is refused before it fills the memory', () => {
  const levels = Array.from({ length: 40 }, (_, i) => i);
  const both = (name: string): JsonObject => ({ $ref: `#/$defs/${name}` });

  test.each<[string, JsonObject]>([
    ['by itself', properties({ a: { $ref: '#' }, b: { $ref: '#' } })],
    [
      'by levels',
      properties(
        { a: both('d0') },
        {
          $defs: Object.fromEntries(
            levels.map((i) => [`d${i}`, properties({ a: both(`d${i + 1}`), b: both(`d${i + 1}`) })]),
          ),
        },
      ),
    ],
    [
      'by a long chain of references',
      {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, both(`d${i + 1}`)])),
      },
    ],
  ])('%s', (_, schema) => {
    expect(() => readSettings(schema)).toThrow(expect.objectContaining({ code: 'HW_SCHEMA_LIMIT' }));
    expect(() => defaultsOf(schema)).toThrow(expect.objectContaining({ code: 'HW_SCHEMA_LIMIT' }));
  });

  test('joined twice over by allOf, it is read once', () => {
    const schema = properties(
      { a: both('d0') },
      {
        $defs: Object.fromEntries(
          levels
            .slice(0, 20)
            .map((i) => [`d${i}`, { allOf: [both(`d${i + 1}`), both(`d${i + 1}`)], default: i }]),
        ),
      },
    );
    expect(defaultsOf(schema)).toEqual({ a: 0 });
  });
});
