import type { JsonObject, JsonValue } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSchemaCompiler } from '../adapters/schema-compiler.ts';
import { quickCheck, type TextRule } from './quick-check.ts';

const nothingKnown = () => false;
const verdictOf = (
  schema: JsonObject,
  config: JsonObject,
  isKnown: (rule: TextRule) => boolean = nothingKnown,
) => quickCheck(schema, config, isKnown).verdict;

test('a config of plain settings is judged here', () => {
  const schema: JsonObject = {
    type: 'object',
    additionalProperties: false,
    required: ['port'],
    properties: {
      port: { type: 'integer', minimum: 1, maximum: 65_535 },
      name: { type: 'string', minLength: 1, maxLength: 3 },
      modes: { type: 'array', maxItems: 2, items: { enum: ['a', 'b'] } },
    },
  };
  expect(verdictOf(schema, { port: 80, name: '😀😀😀', modes: ['a'] })).toBe('valid');
  expect(verdictOf(schema, { port: 0 })).toBe('invalid');
  expect(verdictOf(schema, { port: 1.5 })).toBe('invalid');
  expect(verdictOf(schema, { port: 80, other: 1 })).toBe('invalid');
  expect(verdictOf(schema, { name: 'x' })).toBe('invalid');
  expect(verdictOf(schema, { port: 80, modes: ['a', 'c'] })).toBe('invalid');
});

test('keywords it does not know make it doubt, however valid the rest is', () => {
  for (const keyword of [
    '$ref',
    '$dynamicRef',
    'patternProperties',
    'oneOf',
    'contains',
    'uniqueItems',
    'unevaluatedProperties',
    'dependentSchemas',
    'propertyNames',
    'made-up',
  ])
    expect(verdictOf({ [keyword]: {} }, { a: 1 })).toBe('doubt');
});

test('a text under a pattern is left to the validator until it was let through once', () => {
  const schema: JsonObject = { properties: { host: { type: 'string', pattern: '^[a-z]+$' } } };
  const first = quickCheck(schema, { host: 'abc' }, nothingKnown);
  expect(first).toEqual({
    verdict: 'doubt',
    unknown: [{ keyword: 'pattern', rule: '^[a-z]+$', text: 'abc' }],
  });
  const knows = ({ rule, text }: TextRule) => rule === '^[a-z]+$' && text === 'abc';
  expect(verdictOf(schema, { host: 'abc' }, knows)).toBe('valid');
  expect(verdictOf(schema, { host: 'abd' }, knows)).toBe('doubt');
});

test('a pattern inside a condition or an alternative teaches nothing: a valid config need not fit it', () => {
  const odd: JsonObject = { pattern: '^x' };
  for (const schema of [{ not: odd }, { if: odd }, { anyOf: [odd, true] }] as JsonObject[]) {
    const { unknown } = quickCheck({ properties: { a: schema } }, { a: 'y' }, nothingKnown);
    expect(unknown).toEqual([]);
  }
});

test('a schema that asks for endless work is given up, not carried out', () => {
  let schema: JsonObject = { type: 'object' };
  for (let depth = 0; depth < 30; depth++) schema = { allOf: [schema, schema] };
  expect(verdictOf(schema, {})).toBe('doubt');
});

const leaf: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(null, true, false, 0, 1, -1, 2, 0.5, 1e21, '', 'a', 'ab', '😀', 'constructor'),
  fc.integer({ min: -5, max: 5 }),
);
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString'), tie('value'), { maxKeys: 3 }),
  ),
}));
const small = fc.integer({ min: 0, max: 3 });
const typeName = fc.constantFrom('null', 'boolean', 'integer', 'number', 'string', 'array', 'object');
const { schema } = fc.letrec<{ schema: JsonValue }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.boolean(),
    fc.record(
      {
        type: fc.oneof(typeName, fc.uniqueArray(typeName, { minLength: 1, maxLength: 3 })),
        enum: fc.uniqueArray(leaf, { minLength: 1, maxLength: 4 }),
        const: leaf,
        minimum: small,
        exclusiveMaximum: small,
        maximum: small,
        exclusiveMinimum: small,
        multipleOf: fc.constantFrom(1, 2, 0.5),
        minLength: small,
        maxLength: small,
        minItems: small,
        maxItems: small,
        minProperties: small,
        maxProperties: small,
        pattern: fc.constantFrom('a', '^b?$'),
        required: fc.uniqueArray(fc.constantFrom('a', 'b', 'toString'), { maxLength: 2 }),
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'toString'), tie('schema'), { maxKeys: 2 }),
        additionalProperties: tie('schema'),
        items: tie('schema'),
        allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        not: tie('schema'),
        if: tie('schema'),
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: tie('schema'),
        else: tie('schema'),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<JsonValue>,
  ),
}));

test('whatever it is sure of, the validator says too', () => {
  let sure = 0;
  fc.assert(
    fc.property(schema, value, (inner, found) => {
      const document: JsonObject = { properties: { value: inner } };
      const config: JsonObject = { value: found };
      const compiler = createSchemaCompiler();
      compiler.compile('it', () => document);
      const problems = compiler.check('it', () => config) ?? [];
      const look = quickCheck(document, config, nothingKnown);
      if (look.verdict !== 'doubt') {
        sure += 1;
        expect(look.verdict).toBe(problems.length === 0 ? 'valid' : 'invalid');
      }
      // What it learns from a valid config really holds.
      if (problems.length === 0)
        for (const { rule, text } of look.unknown) expect(new RegExp(rule).test(text)).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(sure).toBeGreaterThan(50);
});
