import type { JsonObject } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { starterFiles } from '../testing/memory-tree.ts';
import { checkSchema } from './schema-check.ts';

const object = (more: JsonObject): JsonObject => ({ type: 'object', ...more });
const setting = (schema: JsonObject): JsonObject => object({ properties: { a: schema } });
const secret = { type: 'string', 'x-hw': { secret: true } };

test('the starter’s schemas are clean', () => {
  for (const [path, text] of Object.entries(starterFiles())) {
    if (path.startsWith('schemas/')) expect([path, checkSchema(JSON.parse(text))]).toEqual([path, []]);
  }
});

const many = (count: number, make: (index: number) => [string, JsonObject | boolean]): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => make(index)));
function nest(levels: number, wrap: (inner: JsonObject) => JsonObject): JsonObject {
  let schema: JsonObject = { type: 'number' };
  for (let level = 0; level < levels; level++) schema = wrap(schema);
  return schema;
}
const doubling = (keyword: string): JsonObject =>
  object({
    $defs: many(40, (i) => [
      `d${i}`,
      i === 39 ? {} : { [keyword]: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
    properties: { a: { $ref: '#/$defs/d0' } },
  });

const cases: [string, JsonObject, string, string][] = [
  [
    'another dialect',
    object({ $schema: 'http://json-schema.org/draft-07/schema#' }),
    'HW_SCHEMA_INVALID',
    '/$schema',
  ],
  ['not an object', { type: 'array' }, 'HW_SCHEMA_INVALID', '/type'],
  [
    'a reference to another file',
    setting({ $ref: 'other.json#/x' }),
    'HW_SCHEMA_REMOTE_REF',
    '/properties/a/$ref',
  ],
  [
    'a reference to the network',
    setting({ $ref: 'http://169.254.169.254/' }),
    'HW_SCHEMA_REMOTE_REF',
    '/properties/a/$ref',
  ],
  ['a reference to nothing', setting({ $ref: '#/$defs/b' }), 'HW_SCHEMA_INVALID', '/properties/a/$ref'],
  [
    'a reference to data',
    object({ default: { a: {} }, properties: { a: { $ref: '#/default/a' } } }),
    'HW_SCHEMA_INVALID',
    '/properties/a/$ref',
  ],
  ['a nested $id', setting({ $id: 'urn:x' }), 'HW_SCHEMA_INVALID', '/properties/a/$id'],
  ['a dynamic reference', setting({ $dynamicRef: '#x' }), 'HW_SCHEMA_INVALID', '/properties/a/$dynamicRef'],
  [
    '$data',
    setting({ type: 'number', maximum: { $data: '1/b' } }),
    'HW_SCHEMA_INVALID',
    '/properties/a/maximum',
  ],
  ['a reference to itself', setting({ $ref: '#/properties/a' }), 'HW_SCHEMA_INVALID', ''],
  [
    'a circle of references',
    object({ $defs: { x: { $ref: '#/$defs/y' }, y: { allOf: [{ $ref: '#/$defs/x' }] } } }),
    'HW_SCHEMA_INVALID',
    '/$defs/x',
  ],
  [
    'a circle through anyOf',
    object({ $defs: { x: { anyOf: [{ $ref: '#/$defs/x' }] } } }),
    'HW_SCHEMA_INVALID',
    '/$defs/x',
  ],
  ['a setting that contains itself', setting({ $ref: '#' }), 'HW_SCHEMA_INVALID', ''],
  ['3000 settings', object({ properties: many(3000, (i) => [`p${i}`, {}]) }), 'HW_SCHEMA_LIMIT', ''],
  ['500 nested settings', nest(500, (inner) => object({ properties: { a: inner } })), 'HW_SCHEMA_LIMIT', ''],
  ['20 000 definitions', object({ $defs: many(20_000, (i) => [`d${i}`, true]) }), 'HW_SCHEMA_LIMIT', ''],
  [
    'a chain of 4000 references',
    object({
      $defs: many(4000, (i) => [`d${i}`, i === 3999 ? {} : { $ref: `#/$defs/d${i + 1}` }]),
      $ref: '#/$defs/d0',
    }),
    'HW_SCHEMA_LIMIT',
    '',
  ],
  ['2^40 schemas by allOf', doubling('allOf'), 'HW_SCHEMA_LIMIT', ''],
  ['2^40 schemas by anyOf', doubling('anyOf'), 'HW_SCHEMA_LIMIT', '/$defs/d0'],
  [
    'a binary tree of settings',
    setting({ properties: { l: { $ref: '#/properties/a' }, r: { $ref: '#/properties/a' } } }),
    'HW_SCHEMA_INVALID',
    '',
  ],
  [
    'a secret with a default',
    setting({ ...secret, default: 'x' }),
    'HW_SCHEMA_SECRET_DEFAULT',
    '/properties/a/default',
  ],
  [
    'a secret inside a default',
    object({ default: { a: 'x' }, properties: { a: secret } }),
    'HW_SCHEMA_SECRET_DEFAULT',
    '/properties/a/default',
  ],
  [
    'a secret that is no text',
    setting({ type: 'number', 'x-hw': { secret: true } }),
    'HW_SCHEMA_INVALID',
    '/properties/a/type',
  ],
  [
    'a secret inside a list',
    setting({ type: 'array', items: object({ properties: { k: secret } }) }),
    'HW_SCHEMA_INVALID',
    '/properties/a/items/properties/k/x-hw/secret',
  ],
  [
    'a secret in an alternative',
    object({ $defs: { s: secret }, anyOf: [{ properties: { a: { $ref: '#/$defs/s' } } }] }),
    'HW_SCHEMA_INVALID',
    '',
  ],
  [
    'a wrong kind of annotation',
    setting({ 'x-hw': { secret: 'true' } }),
    'HW_SCHEMA_INVALID',
    '/properties/a/x-hw/secret',
  ],
  [
    'a rule about nothing',
    object({ 'x-hw': { rules: [{ le: ['/a', '/b'], message: 'm' }] }, properties: { a: {} } }),
    'HW_SCHEMA_INVALID',
    '/x-hw/rules/0/le/1',
  ],
  [
    'a rule without form',
    object({ 'x-hw': { rules: [{ less: [] }] } }),
    'HW_SCHEMA_INVALID',
    '/x-hw/rules/0',
  ],
];

test.each(cases)('%s is an error', (_, schema, code, pointer) => {
  const errors = checkSchema(schema).filter(({ severity }) => severity === 'error');
  expect(errors).toContainEqual(expect.objectContaining({ code, ...(pointer === '' ? {} : { pointer }) }));
});

test('what has no effect is a warning with a suggestion', () => {
  const warnings = checkSchema(
    setting({ type: 'number', minimun: 1, 'x-vendor': 1, 'x-hw': { aply: 'hot' } }),
  );
  expect(warnings.map(({ severity, pointer, hint }) => [severity, pointer, hint.slice(0, 24)])).toEqual([
    ['warning', '/properties/a/minimun', 'Did you mean "minimum"? '],
    ['warning', '/properties/a/x-hw/aply', 'Did you mean "apply"? Kn'],
  ]);
});

test('settings named like keywords are settings', () => {
  const schema = object({
    properties: { $ref: { type: 'string' }, properties: { type: 'object' }, secret: {}, type: {}, $data: {} },
  });
  expect(checkSchema(schema)).toEqual([]);
});

test('types that contain themselves inside lists are fine', () => {
  const node = object({ properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } } });
  expect(checkSchema(object({ $defs: { node }, properties: { root: { $ref: '#/$defs/node' } } }))).toEqual(
    [],
  );
});
