import { expect, test } from 'vitest';
import { checkLeniently } from './lenient-check.ts';

const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['rate'],
  properties: {
    rate: { type: 'integer', minimum: 1, exclusiveMaximum: 10 },
    model: { enum: ['tiny', 'base'] },
    fixed: { const: [1, { a: 2 }] },
    name: { type: ['string', 'null'], minLength: 2, maxLength: 3, pattern: '^[a-z😀]*$' },
    bad: { type: 'string', pattern: '(' },
    nested: { type: 'object', properties: { on: { type: 'boolean' } } },
    list: { type: 'array', items: { $ref: '#/$defs/item' } },
    both: { allOf: [{ type: 'number' }, { maximum: 5 }] },
    key: { type: 'string', 'x-hw': { secret: true } },
  },
  $defs: { item: { type: 'string', maxLength: 1 } },
};

test.each([
  [{}],
  [{ rate: 1, unknown: 'kept', nested: { on: true, more: 1 } }],
  [{ rate: 9, model: 'tiny', fixed: [1, { a: 2 }], name: null, list: ['a'], both: 5 }],
  [{ name: '😀😀😀' }],
  [{ bad: 'a pattern that this engine does not know is not judged' }],
  [{ key: 1 }],
])('%j is taken: only what is known and wrong is refused', (config) => {
  expect(checkLeniently(config as never, schema)).toBeNull();
});

test.each([
  [{ rate: 0 }, '/rate: expected 1 or more'],
  [{ rate: 10 }, '/rate: expected less than 10'],
  [{ rate: 1.5 }, '/rate: expected integer'],
  [{ rate: null }, '/rate: expected integer'],
  [{ model: 'huge' }, '/model: expected one of ["tiny","base"]'],
  [{ fixed: [1, { a: 3 }] }, '/fixed: expected [1,{"a":2}]'],
  [{ name: 'a' }, '/name: expected 2 characters or more'],
  [{ name: 'ABC' }, '/name: expected text that fits ^[a-z😀]*$'],
  [{ nested: { on: 'yes' } }, '/nested/on: expected boolean'],
  [{ list: ['a', 'bc'] }, '/list/1: expected 1 characters or less'],
  [{ both: 6 }, '/both: expected 5 or less'],
])('%j is refused: %s', (config, problem) => {
  expect(checkLeniently(config as never, schema)).toBe(problem);
});

test('a value is never shown', () => {
  expect(checkLeniently({ rate: 'hunter2' }, schema)).not.toContain('hunter2');
});
