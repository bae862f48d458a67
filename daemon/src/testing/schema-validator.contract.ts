/** What every schema validator does. */
import type { JsonObject } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import type { SchemaValidator } from '../core/validate.ts';

let count = 0;
const named = (document: JsonObject) => ({ digest: `digest-${++count}`, document });
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...more,
});

export function describeSchemaValidator(create: () => SchemaValidator): void {
  const validator = (): SchemaValidator => create();
  const problemsOf = async (schema: JsonObject, config: JsonObject) =>
    (await validator().check(named(schema), config)).map(({ code, about, pointer, message, hint }) => ({
      code,
      about,
      pointer,
      message,
      hint,
    }));

  test('a valid config has no problems', async () => {
    expect(
      await problemsOf(object({ a: { type: 'number' } }, { additionalProperties: false }), { a: 1 }),
    ).toEqual([]);
  });

  const wording: [string, JsonObject, JsonObject, string, string, string][] = [
    [
      'a bound',
      object({ a: { type: 'number', minimum: 0, maximum: 1 } }),
      { a: 7 },
      '/a',
      'expected a number from 0 to 1, got 7',
      '',
    ],
    [
      'one bound',
      object({ a: { type: 'integer', exclusiveMinimum: 0 } }),
      { a: 0 },
      '/a',
      'expected a whole number above 0, got 0',
      '',
    ],
    [
      'a type',
      object({ a: { type: 'number', maximum: 5 } }),
      { a: '3' },
      '/a',
      'expected a number of at most 5, got "3"',
      'without quotes',
    ],
    [
      'two types',
      object({ a: { type: ['string', 'null'] } }),
      { a: [1, 2] },
      '/a',
      'expected text or null, got a list of 2',
      '',
    ],
    [
      'a choice',
      object({ a: { enum: ['debug', 'info'] } }),
      { a: 'inof' },
      '/a',
      'expected one of "debug", "info", got "inof"',
      'Did you mean "info"?',
    ],
    [
      'a length',
      object({ a: { type: 'string', minLength: 1, maxLength: 3 } }),
      { a: 'äöüß' },
      '/a',
      'expected 1 to 3 characters, got 4',
      '',
    ],
    [
      'a pattern',
      object({ a: { type: 'string', pattern: '^[a-z]+$' } }),
      { a: 'A1' },
      '/a',
      'expected text that matches "^[a-z]+$", got "A1"',
      '',
    ],
    [
      'a format',
      object({ a: { type: 'string', format: 'ipv4' } }),
      { a: '1.2.3' },
      '/a',
      'expected text of the format "ipv4", got "1.2.3"',
      '',
    ],
    [
      'a missing setting',
      object({ a: object({}, { required: ['b~/c'] }) }),
      { a: {} },
      '/a/b~0~1c',
      '"b~/c" is missing',
      '',
    ],
    [
      'no alternative',
      object({ a: { oneOf: [{ type: 'number' }, { type: 'boolean' }] } }),
      { a: 'x' },
      '/a',
      'fits none of the allowed forms, got "x"',
      '',
    ],
    [
      'a list with a bad item',
      object({ a: { type: 'array', items: { type: 'number' } } }),
      { a: [1, 'x'] },
      '/a/1',
      'expected a number, got "x"',
      '',
    ],
    [
      'equal items',
      object({ a: { type: 'array', uniqueItems: true } }),
      { a: [1, 2, 1] },
      '/a',
      'items 0 and 2 are equal',
      '',
    ],
    [
      'a long value',
      object({ a: { type: 'number' } }),
      { a: 'x'.repeat(500) },
      '/a',
      `expected a number, got "${'x'.repeat(59)}… (502 characters)`,
      '',
    ],
  ];
  test.each(wording)('%s is told in words', async (_, schema, config, pointer, message, hint) => {
    expect(await problemsOf(schema, config)).toEqual([
      { code: 'HW_CONFIG_INVALID', about: 'config', pointer, message, hint: expect.stringContaining(hint) },
    ]);
  });

  test('a member that the schema excludes is an unknown setting, with a suggestion', async () => {
    const schema = object({ a: object({ threshold: {} }, { additionalProperties: false }) });
    expect(await problemsOf(schema, { a: { treshold: 1 } })).toEqual([
      expect.objectContaining({
        code: 'HW_CONFIG_UNKNOWN_SETTING',
        pointer: '/a/treshold',
        hint: expect.stringContaining('Did you mean "threshold"?'),
      }),
    ]);
  });

  test('of many problems the first twenty are told', async () => {
    const config = { a: Array.from({ length: 1000 }, () => 'x') };
    expect(await problemsOf(object({ a: { items: { type: 'number' } } }), config)).toHaveLength(20);
  });

  test('what a condition demands is told where it is missing', async () => {
    const schema = JSON.parse('{"if":{"properties":{"mode":{"const":"tls"}}},"then":{"required":["ca"]}}');
    expect((await problemsOf(schema, { mode: 'tls' })).map(({ pointer }) => pointer)).toEqual(['/ca']);
    expect(await problemsOf(schema, { mode: 'plain' })).toEqual([]);
  });

  test('patterns are RE2 syntax', async () => {
    const schema = object({ a: { type: 'string', pattern: '(?i)^tars$' } });
    expect(await problemsOf(schema, { a: 'TARS' })).toEqual([]);
    expect(await problemsOf(schema, { a: 'CASE' })).toHaveLength(1);
  });

  test('two patterns are two patterns', async () => {
    const schema = object({ a: { pattern: '^a$' }, b: { pattern: '^b$' } });
    expect(await problemsOf(schema, { a: 'a', b: 'b' })).toEqual([]);
    expect((await problemsOf(schema, { a: 'b', b: 'a' })).map(({ pointer }) => pointer)).toEqual([
      '/a',
      '/b',
    ]);
  });

  test.each([
    ['look-around', '(?=a)'],
    ['a back-reference', '(a)\\1'],
    ['no expression', '(['],
    ['a count beyond a thousand', 'a{2000}'],
    ['an endless expression', 'a'.repeat(1001)],
  ])('%s in a pattern is a problem of the schema', async (_, pattern) => {
    for (const schema of [
      object({ a: { pattern } }),
      object({ a: { patternProperties: { [pattern]: {} } } }),
    ]) {
      expect(await problemsOf(schema, { a: 'x' })).toEqual([
        expect.objectContaining({
          code: 'HW_SCHEMA_UNSAFE_PATTERN',
          about: 'schema',
          pointer: expect.stringMatching(/^\/properties\/a\/pattern/),
        }),
      ]);
    }
  });

  test.each<[string, JsonObject, string]>([
    ['a keyword of the wrong type', object({ a: { minimum: 'x' } }), '/properties/a/minimum'],
    ['properties that are a list', { type: 'object', properties: [] }, '/properties'],
    ['an unknown type', object({ a: { type: 'float' } }), '/properties/a/type'],
  ])('%s is a problem of the schema', async (_, schema, pointer) => {
    const problems = await problemsOf(schema, {});
    expect(problems).toContainEqual(
      expect.objectContaining({ code: 'HW_SCHEMA_INVALID', about: 'schema', pointer }),
    );
  });

  test('settings named like members of every object are settings', async () => {
    const schema = object(
      { toString: { type: 'number' }, hasOwnProperty: { type: 'number' } },
      { additionalProperties: false, required: ['valueOf'] },
    );
    expect((await problemsOf(schema, { toString: 'x' })).map(({ pointer }) => pointer).sort()).toEqual([
      '/toString',
      '/valueOf',
    ]);
  });

  test('of secrets only pointer and keyword are told, neither what stands there nor what might', async () => {
    const schema = object(
      { '/o/a b%': { enum: ['hunter1', 'hunter3'] }, '/c': { $ref: '#/$defs/c' } },
      {
        $defs: { c: { anyOf: [{ minLength: 20 }, { pattern: '^hunter1$' }] } },
      },
    );
    const config = { '/o/a b%': 'hunter2', '/c': 'hunter2' };
    const problems = await validator().check(named(schema), config, { secret: true });
    expect(problems.map(({ code, about, pointer, message }) => [code, about, pointer, message])).toEqual([
      ['HW_SECRET_INVALID', 'config', '/o/a b%', 'the secret at /o/a b% does not satisfy "enum"'],
      ['HW_SECRET_INVALID', 'config', '/c', 'the secret at /c does not satisfy "anyOf"'],
    ]);
    expect(JSON.stringify(problems)).not.toContain('hunter');
  });

  test('answers belong to their questions, however many are asked at once', async () => {
    const one = validator();
    const schemas = Array.from({ length: 20 }, (_, limit) => ({
      limit,
      ...named(object({ a: { type: 'number', maximum: limit } })),
    }));
    const asked = schemas.flatMap((schema) => [schema.limit, schema.limit + 1].map((a) => ({ a, schema })));
    const answers = await Promise.all(asked.map(({ a, schema }) => one.check(schema, { a })));
    expect(answers.map((problems) => problems.length)).toEqual(
      asked.map(({ a, schema }) => (a > schema.limit ? 1 : 0)),
    );
  });
}
