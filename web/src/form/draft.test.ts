import type { JsonObject } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import {
  type Draft,
  desiredDocument,
  emptyDraft,
  problemsOf,
  rebase,
  setDocument,
  setText,
  undo,
  unset,
} from './draft.ts';
import { readText, textOfValue } from './field-text.ts';
import { type Field, fieldsOf, leavesOf } from './fields.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    rate: { type: 'number', minimum: 0, maximum: 10, multipleOf: 0.1 },
    count: { type: ['integer', 'null'] },
    name: { type: 'string', minLength: 1, maxLength: 5 },
    words: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    mode: { enum: ['a', 2] },
    any: {},
    deep: { type: 'object', additionalProperties: false, properties: { x: { type: 'integer' } } },
  },
};
const fields = fieldsOf(schema);
const field = (pointer: string) => leavesOf(fields).find((one) => one.pointer === pointer) as Field;
const start = (base: JsonObject): Draft => emptyDraft('base', base, '"e1"');
const type = (draft: Draft, pointer: string, text: string) => setText(draft, field(pointer), text);

describe('text', () => {
  test.each([
    ['/rate', '0.3', 0.3],
    ['/rate', ' 1e0 ', 1],
    ['/count', '', null],
    ['/count', '-3', -3],
    ['/name', 'abc', 'abc'],
    ['/name', 'ñandú', 'ñandú'],
    ['/words', 'a b\nc', ['a b', 'c']],
    ['/words', '', []],
    ['/mode', '2', 2],
    ['/any', '{"a": [1]}', { a: [1] }],
  ])('in %s: %j is %j', (pointer, text, value) => {
    expect(readText(field(pointer), text)).toEqual({ value });
  });

  test.each([
    ['/rate', '1e', 'Write a number.'],
    ['/rate', '', 'Write a number.'],
    ['/rate', '0x10', 'Write a number.'],
    ['/rate', '11', 'At most 10.'],
    ['/rate', '-1', 'At least 0.'],
    ['/rate', '0.25', 'A multiple of 0.1.'],
    ['/count', '1.5', 'Write a whole number.'],
    ['/count', '9007199254740993', 'This number is too large to be kept exactly.'],
    ['/name', '', 'Write something.'],
    ['/name', 'abcdef', 'At most 5 characters.'],
    ['/words', 'a\nb\nc', 'At most 2 lines.'],
    ['/mode', 'z', 'Choose one of the values.'],
    ['/any', '{', 'This is not JSON.'],
  ])('in %s: %j is refused: %s', (pointer, text, problem) => {
    expect(readText(field(pointer), text)).toEqual({ problem });
  });

  test('of a value reads back as the value', () => {
    const values = { rate: 0.5, count: null, name: 'x', words: ['a', 'b'], mode: 2, any: { a: 1 } };
    for (const [name, value] of Object.entries(values))
      expect(readText(field(`/${name}`), textOfValue(field(`/${name}`), value))).toEqual({ value });
  });
});

describe('a draft', () => {
  test('wants the document with its edits, and leaves alone what was not touched', () => {
    let draft = start({ rate: 1, other: [1, 2], deep: { x: 1 } });
    draft = unset(type(type(draft, '/rate', '2'), '/name', 'n'), '/deep/x');
    expect(desiredDocument(draft)).toEqual({ rate: 2, name: 'n', other: [1, 2] });
    expect(desiredDocument(undo(undo(undo(draft, '/rate'), '/name'), '/deep/x'))).toBe(draft.base);
  });

  test('keeps half-typed text and says what is wrong with it', () => {
    const draft = type(start({ rate: 1 }), '/rate', '1e');
    expect(draft.edits.get('/rate')).toMatchObject({ text: '1e' });
    expect([...problemsOf(draft)]).toEqual([['/rate', 'Write a number.']]);
    expect(desiredDocument(draft)).toEqual({ rate: 1 });
  });

  test('typing the old value again is no edit; setting an inherited value explicitly is one', () => {
    expect(type(type(start({ rate: 1 }), '/rate', '2'), '/rate', '1.0').edits.size).toBe(0);
    expect(type(start({}), '/rate', '1').edits.size).toBe(1);
    expect(unset(start({}), '/rate').edits.size).toBe(0);
  });
});

describe('what comes in meanwhile', () => {
  test('is taken where nobody typed, and told where somebody did', () => {
    const draft = type(start({ rate: 1, name: 'a' }), '/rate', '2');
    const moved = rebase(draft, { rate: 5, name: 'b' }, '"e2"', fields);
    expect(desiredDocument(moved.draft)).toEqual({ rate: 2, name: 'b' });
    expect(moved.incoming).toMatchObject([{ pointer: '/rate', from: 1, to: 5, mine: { text: '2' } }]);
    expect(moved.draft.etag).toBe('"e2"');
  });

  test('the same change made by somebody else leaves nothing to do', () => {
    const draft = type(start({ rate: 1 }), '/rate', '2');
    expect(rebase(draft, { rate: 2 }, '"e2"', fields)).toMatchObject({
      draft: { edits: new Map() },
      incoming: [],
    });
  });

  test('a setting that is gone from the schema takes its edit along, and what was typed is told', () => {
    const moved = rebase(type(start({ rate: 1 }), '/rate', '2'), {}, '"e2"', []);
    expect(moved.draft.edits.size).toBe(0);
    expect(moved.gone).toEqual([{ pointer: '/rate', text: '2' }]);
  });
});

describe('the layer written as JSON', () => {
  const base = { rate: 1, deep: { x: 1 }, other: [1, 2] };
  const write = (document: JsonObject) => setDocument(start(base), document, fields);

  test('becomes edits of the settings that differ, known or not', () => {
    const draft = write({ rate: 2, name: 'n', deep: {}, 'a/b': { c: 1 } });
    expect([...draft.edits.keys()].sort()).toEqual(['/a~1b', '/deep/x', '/name', '/other', '/rate']);
    expect(desiredDocument(draft)).toEqual({ rate: 2, name: 'n', 'a/b': { c: 1 } });
  });

  test('written back as it was leaves no edit', () => {
    expect(write({ other: [1, 2], deep: { x: 1 }, rate: 1 }).edits.size).toBe(0);
  });

  test('keeps what the schema does not know when something else comes in', () => {
    const draft = write({ ...base, extra: true });
    const moved = rebase(draft, { ...base, rate: 9 }, '"e2"', fields);
    expect(desiredDocument(moved.draft)).toEqual({ ...base, rate: 9, extra: true });
    expect(moved.gone).toEqual([]);
  });

  test('with a value that the setting cannot have says so there', () => {
    expect([...problemsOf(write({ ...base, rate: 'fast' }))]).toEqual([['/rate', 'Write a number.']]);
    const draft = write({ ...base, name: 5 });
    expect(desiredDocument(draft)).toEqual({ ...base, name: 5 });
    expect(desiredDocument(rebase(draft, base, '"e2"', fields).draft)).toEqual({ ...base, name: 5 });
  });
});
