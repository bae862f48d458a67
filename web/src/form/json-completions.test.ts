import { expect, test } from 'vitest';
import { fieldsOf } from './fields.ts';
import { completionsAt } from './json-completions.ts';

const fields = fieldsOf({
  type: 'object',
  properties: {
    rate: { type: 'number', default: 2 },
    on: { type: 'boolean' },
    mode: { enum: ['a', 'b', null] },
    deep: {
      type: 'object',
      additionalProperties: false,
      properties: { x: { type: 'integer', default: 1 }, y: { type: 'string' } },
    },
  },
});
/** `|` is the cursor. */
const at = (text: string) => {
  const offset = text.indexOf('|');
  return completionsAt(text.replace('|', ''), offset, fields);
};
const inserts = (text: string) => at(text)?.options.map(({ insert }) => insert);

test('names of settings that are not there yet, with a value to start from', () => {
  expect(inserts('{ "rate": 1, "|" }')).toEqual(['"on": false', '"mode": "a"', '"deep": {}']);
  expect(inserts('{|}')?.[0]).toBe('"rate": 2');
  expect(inserts('{ "deep": { "x": 2, "|" } }')).toEqual(['"y": ""']);
});

test('a name that has its value gets the name alone', () => {
  expect(inserts('{ "ra|te": 1 }')).toEqual(['"rate"', '"on"', '"mode"', '"deep"']);
});

test('what is half written is replaced', () => {
  expect(at('{ "ra|" }')).toMatchObject({ from: 2, to: 6 });
});

test('values that a setting can have', () => {
  expect(inserts('{ "on": | }')).toEqual(['true', 'false']);
  expect(inserts('{ "mode": "|" }')).toEqual(['"a"', '"b"', 'null']);
  expect(inserts('{ "rate": | }')).toEqual(['2']);
});

test('nothing where the schema knows nothing', () => {
  expect(at('{ "other": { "|" } }')).toBeNull();
});
