import { describe, expect, test } from 'vitest';
import type { OrderedObject } from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { setValues, treeOf } from './set-values.ts';

const tree = (json: unknown) => parseOrderedJson(Buffer.from(JSON.stringify(json))) as OrderedObject;
const after = (json: unknown, ...changes: [string, string | null][]) =>
  JSON.parse(printOrderedJson(setValues(tree(json), new Map(changes))));

test('values are set in place, new ones at the end, with the objects on their way', () => {
  const text = printOrderedJson(
    setValues(
      tree({ z: '1', a: { b: '2' } }),
      new Map([
        ['/z', 'x'],
        ['/a/c/d', 'y'],
        ['/n', 'z'],
      ]),
    ),
    '',
  );
  expect(text.replaceAll('\n', '')).toBe('{"z": "x","a": {"b": "2","c": {"d": "y"}},"n": "z"}');
});

test('a removal takes the objects along that it leaves empty', () => {
  expect(after({ a: { b: { c: '1' } }, d: '2' }, ['/a/b/c', null])).toEqual({ d: '2' });
  expect(after({ a: { b: '1', c: '2' } }, ['/a/b', null])).toEqual({ a: { c: '2' } });
  expect(after({ a: '1' }, ['/a', null])).toEqual({});
  expect(after({ a: '1' }, ['/x/y', null])).toEqual({ a: '1' });
});

test('lists take indexes, and "-" appends', () => {
  const json = { l: ['1', { k: '2' }, '3'] };
  expect(after(json, ['/l/0', 'x'], ['/l/1/k', 'y'], ['/l/-', 'z'], ['/l/4', 'w'])).toEqual({
    l: ['x', { k: 'y' }, '3', 'z', 'w'],
  });
  expect(after(json, ['/l/0', null])).toEqual({ l: [{ k: '2' }, '3'] });
  expect(after({ l: ['1'], m: '2' }, ['/l/0', null])).toEqual({ m: '2' });
});

test('the original stays as it is', () => {
  const original = tree({ a: { b: '1' } });
  setValues(original, new Map([['/a/b', '2']]));
  expect(original).toEqual(tree({ a: { b: '1' } }));
});

test('keys are data, and may hold any character', () => {
  expect([...treeOf(new Map([['/__proto__/a~1b', '1']]))]).toEqual([['__proto__', new Map([['a/b', '1']])]]);
});

describe('refused', () => {
  test.each([
    ['', 'the whole file'],
    ['/a/b', '/a is a value'],
    ['/l/3', '/l is a list of 2'],
    ['/l/x', '/l is a list of 2'],
    ['/l/01', '/l is a list of 2'],
  ])('%j', (pointer, words) => {
    const refused = expect.objectContaining({ code: 'HW_USAGE', message: expect.stringContaining(words) });
    expect(() => setValues(tree({ a: 'hunter2', l: ['1', '2'] }), new Map([[pointer, 'x']]))).toThrow(
      refused,
    );
  });
});
