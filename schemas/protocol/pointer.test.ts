import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPointer, parsePointer, valueAt } from './pointer.ts';

test('any path is read back as it was written', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 8 }), (parts) => {
      expect(parsePointer(formatPointer(parts))).toEqual(parts);
    }),
  );
});

test('~01 is ~1 and not a slash', () => {
  expect(parsePointer('/~01/a~1b')).toEqual(['~1', 'a/b']);
});

test.each(['a', '#/a', '/~', '/~2', '/a~', ' /a'])('%j is no pointer', (text) => {
  expect(() => parsePointer(text)).toThrow(expect.objectContaining({ code: 'HW_USAGE' }));
});

describe('the value at a pointer', () => {
  const document = { a: [{ 'x/y': 1 }, null], '': 2, toString: 3 };
  test.each([
    ['', document],
    ['/a/0/x~1y', 1],
    ['/a/1', null],
    ['/', 2],
    ['/toString', 3],
  ])('%j is found', (pointer, value) => {
    expect(valueAt(document, pointer)).toEqual(value);
  });

  test.each([
    '/b',
    '/a/2',
    '/a/-',
    '/a/00',
    '/a/length',
    '/a/0/x~1y/z',
    '/hasOwnProperty',
    '/__proto__',
    '/a/map',
    '/a/1/x',
  ])('%j is not there', (pointer) => {
    expect(valueAt(document, pointer)).toBeUndefined();
  });
});
