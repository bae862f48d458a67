import { expect, test } from 'vitest';
import { setSetting } from './set-setting.ts';

test('one setting is set, and everything else stays where it is', () => {
  expect(setSetting({ a: 1, b: { c: 2, d: 3 } }, '/b/c', 9)).toEqual({ a: 1, b: { c: 9, d: 3 } });
  expect(setSetting({}, '/x/y~1z', null)).toEqual({ x: { 'y/z': null } });
  expect(setSetting({ x: null }, '/x/y', 1)).toEqual({ x: { y: 1 } });
});

test('one setting is taken away, with the objects that hold nothing then', () => {
  expect(setSetting({ a: 1, b: { c: { d: 3 } } }, '/b/c/d', undefined)).toEqual({ a: 1 });
  expect(setSetting({ b: { c: 1, d: 2 } }, '/b/c', undefined)).toEqual({ b: { d: 2 } });
  for (const pointer of ['/x', '/a/x', '/b/x/y'])
    expect(setSetting({ a: 1, b: {} }, pointer, undefined)).toMatchObject({ a: 1 });
});

test('the whole document and places in lists are no settings', () => {
  for (const pointer of ['', '/list/0'])
    expect(() => setSetting({ list: [1] }, pointer, 2)).toThrow(
      expect.objectContaining({ code: 'HW_REQUEST_INVALID' }),
    );
});

test('a key of a prototype stays a key', () => {
  const changed = setSetting({}, '/__proto__/polluted', true);
  expect(Object.getPrototypeOf(changed)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
