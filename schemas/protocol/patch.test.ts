import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from './json.ts';
import { applyPatch, diffValues, equalValues, maxPatchOps, type PatchOp } from './patch.ts';

// Few keys and small values, so that two documents have something in common; names that careless code trips over.
const key = fc.constantFrom('a', 'b', 'toString', 'length', '0', '', 'x/y', '~', 'hasOwnProperty');
const { value: json } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, false, 0, 1, -1.5, '', 'text'),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

describe('a diff', () => {
  test('applied to where it starts gives where it ends, and changes neither', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        const ops = freeze(diffValues(freeze(from), freeze(to)));
        expect(applyPatch(from, ops)).toEqual(to);
      }),
      { numRuns: 400 },
    );
  });

  test('still fits after a journey as text', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        const ops = JSON.parse(JSON.stringify(diffValues(from, to))) as PatchOp[];
        expect(applyPatch(from, ops)).toEqual(to);
      }),
    );
  });

  test('is empty exactly for equal values', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        expect(diffValues(from, to).length === 0).toBe(equalValues(from, to));
        expect(diffValues(from, structuredClone(from) as JsonValue)).toEqual([]);
      }),
    );
  });

  test('keeps null apart from absent', () => {
    expect(diffValues({ a: null }, {})).toEqual([{ op: 'remove', path: '/a' }]);
    expect(diffValues({}, { a: null })).toEqual([{ op: 'add', path: '/a', value: null }]);
  });

  test('of an insertion at the head of a long list is one operation', () => {
    const list = Array.from({ length: 500 }, (_, i) => ({ i }));
    expect(diffValues(list, [{ i: -1 }, ...list])).toEqual([{ op: 'add', path: '/0', value: { i: -1 } }]);
    expect(diffValues(list, list.toSpliced(250, 1))).toEqual([{ op: 'remove', path: '/250' }]);
  });

  test('says nothing of -0', () => {
    expect(diffValues({ a: 0 }, { a: -0 })).toEqual([]);
  });
});

describe('what a diff does not touch', () => {
  test('is shared, not copied', () => {
    const from = { big: { list: [1, 2] }, other: { x: 1 } };
    const to = applyPatch(from, [{ op: 'replace', path: '/other/x', value: 2 }]) as typeof from;
    expect(to.big).toBe(from.big);
    expect(to.other).not.toBe(from.other);
    expect(from.other.x).toBe(1);
  });

  test('includes the operations themselves', () => {
    const ops = freeze<PatchOp[]>([
      { op: 'add', path: '/a', value: { list: [] } },
      { op: 'add', path: '/a/list/-', value: 1 },
    ]);
    expect(applyPatch({}, ops)).toEqual({ a: { list: [1] } });
    expect(applyPatch({}, ops)).toEqual({ a: { list: [1] } });
  });

  test('and a refused diff leaves everything as it was', () => {
    const from = freeze({ a: [1], b: 1 });
    expect(() =>
      applyPatch(from, [
        { op: 'replace', path: '/b', value: 2 },
        { op: 'remove', path: '/c' },
      ]),
    ).toThrow();
    expect(from).toEqual({ a: [1], b: 1 });
  });
});

describe('refused', () => {
  const document = { a: 1, list: [1, 2], deep: { x: {} } };
  const hostile: [string, unknown][] = [
    ['a prototype key', { op: 'add', path: '/__proto__', value: { polluted: 1 } }],
    ['a prototype key on the way', { op: 'add', path: '/__proto__/polluted', value: 1 }],
    ['constructor.prototype', { op: 'add', path: '/constructor/prototype/polluted', value: 1 }],
    ['a prototype key of a list', { op: 'add', path: '/list/__proto__', value: 1 }],
    [
      'a prototype key inside a value',
      { op: 'add', path: '/x', value: JSON.parse('{"y":[{"__proto__":1}]}') },
    ],
    ['an index of 2^31', { op: 'add', path: '/list/2147483648', value: 1 }],
    ['an index behind the end', { op: 'add', path: '/list/3', value: 1 }],
    ['replacing behind the end', { op: 'replace', path: '/list/2', value: 1 }],
    ['removing "-"', { op: 'remove', path: '/list/-' }],
    ['an index with a leading zero', { op: 'replace', path: '/list/01', value: 1 }],
    ['a negative index', { op: 'replace', path: '/list/-1', value: 1 }],
    ['an index in other digits', { op: 'replace', path: '/list/1e0', value: 1 }],
    ['the length of a list', { op: 'replace', path: '/list/length', value: 0 }],
    ['removing what is not there', { op: 'remove', path: '/b' }],
    ['replacing what is not there', { op: 'replace', path: '/b', value: 1 }],
    ['replacing what is only inherited', { op: 'replace', path: '/toString', value: 1 }],
    ['a path through a number', { op: 'add', path: '/a/b', value: 1 }],
    ['a path through nothing', { op: 'add', path: '/b/c', value: 1 }],
    ['removing the document', { op: 'remove', path: '' }],
    ['no pointer', { op: 'add', path: 'a', value: 1 }],
    ['a broken escape', { op: 'add', path: '/~2', value: 1 }],
    ['no path', { op: 'add', value: 1 }],
    ['no value', { op: 'add', path: '/b' }],
    ['no value for the document', { op: 'replace', path: '' }],
    ['move', { op: 'move', from: '/a', path: '/b' }],
    ['copy', { op: 'copy', from: '/a', path: '/b', value: 1 }],
    ['test', { op: 'test', path: '/a', value: 1 }],
    ['an operation that is null', null],
    ['a path deeper than a document may be', { op: 'add', path: '/a'.repeat(64), value: 1 }],
    ['a path of 500,000 parts', { op: 'add', path: '/a'.repeat(500_000), value: 1 }],
  ];
  test.each(hostile)('%s', (_, op) => {
    expect(() => applyPatch(document, [op as PatchOp])).toThrow(
      expect.objectContaining({ code: 'HW_PATCH_INVALID' }),
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('more operations than a diff may have', () => {
    const ops = Array.from(
      { length: maxPatchOps + 1 },
      (): PatchOp => ({ op: 'replace', path: '/a', value: 1 }),
    );
    expect(() => applyPatch(document, ops)).toThrow(expect.objectContaining({ code: 'HW_PATCH_INVALID' }));
    expect(applyPatch(document, ops.slice(1))).toEqual(document);
  });

  test('many small additions that build a bottomless document', () => {
    const ops = Array.from(
      { length: 70 },
      (_, i): PatchOp => ({ op: 'add', path: '/a'.repeat(i + 1), value: {} }),
    );
    expect(() => applyPatch({}, ops)).toThrow(expect.objectContaining({ code: 'HW_PATCH_INVALID' }));
    expect(applyPatch({}, ops.slice(0, 63))).toBeTruthy();
  });

  test('small operations that move a huge list again and again', () => {
    const list = Array.from({ length: 170_000 }, () => 0);
    const ops = Array.from({ length: maxPatchOps }, (): PatchOp => ({ op: 'add', path: '/0', value: 1 }));
    expect(() => applyPatch(list, ops)).toThrow(expect.objectContaining({ code: 'HW_PATCH_INVALID' }));
    expect(applyPatch(list, ops.slice(0, 1_000))).toHaveLength(171_000);
  });

  test('a long path does not come back in the message', () => {
    expect(() => applyPatch({}, [{ op: 'remove', path: `/${'x'.repeat(10_000)}` }])).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }),
    );
  });
});

test('ordinary names that every object inherits are just names', () => {
  expect(applyPatch({}, [{ op: 'add', path: '/toString', value: 1 }])).toEqual({ toString: 1 });
  expect(equalValues({ a: 1 }, { toString: 1 })).toBe(false);
  expect(equalValues({ a: [] }, { a: {} })).toBe(false);
  expect(equalValues([1, undefined as never], [1])).toBe(false);
});
