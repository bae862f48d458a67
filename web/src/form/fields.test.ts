import { readdirSync, readFileSync } from 'node:fs';
import type { JsonObject } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { fieldsOf, groupsOf, leavesOf } from './fields.ts';

const folder = new URL('../../../schemas/services/', import.meta.url);
const starter = readdirSync(folder)
  .filter((name) => name.endsWith('.schema.json'))
  .map((name) => [name, JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as JsonObject] as const);

const fieldOf = (property: JsonObject) => fieldsOf({ type: 'object', properties: { it: property } })[0];

test.each(starter)('%s is drawn whole: nothing falls back to JSON, everything has words', (_, schema) => {
  for (const field of leavesOf(fieldsOf(schema))) {
    expect([field.pointer, field.kind]).not.toEqual([field.pointer, 'json']);
    expect(field.title).not.toBe(field.name);
    expect(field.description.length).toBeGreaterThan(10);
    expect(field.group).not.toBe('');
  }
});

test.each([
  [{ type: 'boolean' }, 'switch'],
  [{ type: 'integer', minimum: 1 }, 'number'],
  [{ type: 'string' }, 'text'],
  [{ type: 'string', 'x-hw': { text: true } }, 'lines'],
  [{ type: ['string', 'null'] }, 'text'],
  [{ type: 'string', 'x-hw': { secret: true } }, 'secret'],
  [{ enum: ['a', 1, null] }, 'choice'],
  [{ const: 'only' }, 'choice'],
  [{ type: 'array', items: { type: 'string' } }, 'list'],
  [{ type: 'array', items: { type: 'object' } }, 'json'],
  [{ type: 'object', additionalProperties: false, properties: { x: { type: 'string' } } }, 'group'],
  [{ type: 'object', properties: { x: { type: 'string' } } }, 'json'],
  [{ type: 'object' }, 'json'],
  [{ oneOf: [{ type: 'string' }, { type: 'number' }] }, 'json'],
  [{ type: ['string', 'number'] }, 'json'],
  [{}, 'json'],
] as const)('%j is a %s', (property, kind) => {
  expect(fieldOf(property as JsonObject)?.kind).toBe(kind);
});

test('what a field says comes from the schema, through references', () => {
  const schema = {
    type: 'object',
    required: ['rate'],
    $defs: {
      hz: { type: 'integer', minimum: 1, maximum: 10, default: 3, title: 'Inner', 'x-hw': { unit: 'Hz' } },
    },
    properties: { rate: { $ref: '#/$defs/hz', title: 'Rate', 'x-hw': { env: 'RATE', level: 'simple' } } },
  };
  expect(fieldsOf(schema)[0]).toMatchObject({
    title: 'Rate',
    unit: 'Hz',
    env: 'RATE',
    level: 'simple',
    required: true,
    defaultValue: 3,
    limits: { integer: true, minimum: 1, maximum: 10 },
  });
});

describe('groups', () => {
  test('stand in the order of their first field, ungrouped fields first; objects are told by their settings', () => {
    const schema = {
      type: 'object',
      properties: {
        b: { type: 'string', 'x-hw': { group: 'Two', order: 2 } },
        a: { type: 'string', 'x-hw': { group: 'One', order: 1 } },
        c: { type: 'string' },
        o: {
          type: 'object',
          title: 'Outer',
          additionalProperties: false,
          properties: { x: { type: 'number' }, y: { type: 'number', 'x-hw': { group: 'One' } } },
        },
      },
    };
    expect(
      groupsOf(fieldsOf(schema)).map(({ name, fields }) => [name, fields.map((one) => one.pointer)]),
    ).toEqual([
      ['', ['/c']],
      ['One', ['/a', '/o/y']],
      ['Two', ['/b']],
      ['Outer', ['/o/x']],
    ]);
  });
});
