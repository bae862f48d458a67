import type { JsonObject, JsonValue } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { changeDocument } from './document-change.ts';

const patched = (before: JsonObject, ...ops: unknown[]) =>
  changeDocument(before, { kind: 'json-patch', ops });
const merged = (before: JsonObject, patch: JsonValue) =>
  changeDocument(before, { kind: 'merge-patch', patch });
const replaced = (before: JsonObject, document: JsonObject) =>
  changeDocument(before, { kind: 'replace', document });

describe('a JSON Patch', () => {
  test('has six operations, applied in order', () => {
    const before = { a: 1, list: [1, 2], o: { x: 1 } };
    const ops = [
      { op: 'test', path: '/a', value: 1 },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'move', from: '/list/0', path: '/list/2' },
      { op: 'copy', from: '/o', path: '/p' },
      { op: 'replace', path: '/p/x', value: 2 },
      { op: 'test', path: '/list', value: [2, 3, 1] },
      { op: 'remove', path: '/a' },
    ];
    expect(patched(before, ...ops)).toEqual({ list: [2, 3, 1], o: { x: 1 }, p: { x: 2 } });
    expect(before).toEqual({ a: 1, list: [1, 2], o: { x: 1 } });
  });

  test('moves a value to where it is, and nothing into itself', () => {
    expect(patched({ a: 1 }, { op: 'move', from: '/a', path: '/a' })).toEqual({ a: 1 });
    expect(() => patched({ a: {} }, { op: 'move', from: '/a', path: '/a/b' })).toThrow('into itself');
    expect(patched({ a: {}, ab: 1 }, { op: 'move', from: '/a', path: '/ab' })).toEqual({ ab: {} });
  });

  test('may copy null and false', () => {
    expect(patched({ a: null }, { op: 'copy', from: '/a', path: '/b' })).toEqual({ a: null, b: null });
  });

  test('whose test does not hold says where', () => {
    const run = () => patched({ a: 1 }, { op: 'test', path: '/a', value: 2 });
    expect(run).toThrow(expect.objectContaining({ code: 'HW_PATCH_TEST', details: { path: '/a' } }));
    expect(() => patched({}, { op: 'test', path: '/a', value: null })).toThrow('expects another value');
  });

  test.each([
    ['no list', { op: 'add', path: '/a', value: 1 }],
    ['no operation', [1]],
    ['an unknown operation', [{ op: 'merge', path: '/a', value: 1 }]],
    ['no path', [{ op: 'remove' }]],
    ['a path that is no pointer', [{ op: 'test', path: 'a', value: 1 }]],
    ['no value', [{ op: 'add', path: '/a' }]],
    ['a test without a value', [{ op: 'test', path: '/a' }]],
    ['a copy from nowhere', [{ op: 'copy', from: '/x', path: '/b' }]],
    ['a copy without a source', [{ op: 'copy', path: '/b' }]],
    ['a removal of nothing', [{ op: 'remove', path: '/x' }]],
    ['a name that reaches a prototype', [{ op: 'add', path: '/__proto__', value: {} }]],
    ['a value that does', [{ op: 'add', path: '/x', value: JSON.parse('{"__proto__":1}') }]],
  ])('with %s is refused', (_, ops) => {
    expect(() => changeDocument({ a: 1 }, { kind: 'json-patch', ops })).toThrow(
      expect.objectContaining({
        code: 'HW_PATCH_INVALID',
        message: expect.stringMatching(/^cannot apply the patch: /),
      }),
    );
  });

  test('cannot turn the document into something else', () => {
    for (const value of [[], 1, null])
      expect(() => patched({}, { op: 'replace', path: '', value })).toThrow(
        expect.objectContaining({ code: 'HW_JSON_NOT_OBJECT' }),
      );
  });
});

describe('a merge patch', () => {
  /** The test cases of RFC 7396, appendix A, that are about objects. */
  test.each<[JsonObject, JsonValue, JsonValue]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (before, patch, after) => {
    expect(merged(before, patch)).toEqual(after);
  });

  test('that is no object does not replace the document', () => {
    expect(() => merged({ a: 1 }, [1])).toThrow(expect.objectContaining({ code: 'HW_JSON_NOT_OBJECT' }));
  });

  test('keeps what it does not mention, notes too', () => {
    expect(merged({ $comment: 'n', a: { $comment: 'm', b: 1 }, c: 1 }, { a: { b: 2 } })).toEqual({
      $comment: 'n',
      a: { $comment: 'm', b: 2 },
      c: 1,
    });
  });
});

describe('a whole document', () => {
  test('keeps the notes of the file, which its author cannot see', () => {
    const before = {
      $schema: 's',
      $comment: 'top',
      a: { $comment: 'why', x: 1 },
      l: [{ $comment: 'first', id: 1 }, { id: 2 }],
      gone: { $comment: 'with it' },
    };
    expect(replaced(before, { a: { x: 2 }, l: [{ id: 2 }, { id: 1 }], n: {} })).toEqual({
      $schema: 's',
      $comment: 'top',
      a: { $comment: 'why', x: 2 },
      l: [{ id: 2 }, { $comment: 'first', id: 1 }],
      n: {},
    });
    expect(replaced(before, { l: [{ id: 9 }, { id: 2 }] }).l).toEqual([
      { $comment: 'first', id: 9 },
      { id: 2 },
    ]);
  });

  test('may bring its own notes', () => {
    expect(replaced({ $schema: 'a', $comment: 'a' }, { $schema: 'b', $comment: 'b' })).toEqual({
      $schema: 'b',
      $comment: 'b',
    });
  });
});
