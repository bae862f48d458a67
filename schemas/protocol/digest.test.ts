import fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { DIGEST_PATTERN, digestOf, digestOfBytes } from './digest.ts';
import type { JsonValue } from './json.ts';
import { nobleCrypto } from './noble.ts';
import { nodeCrypto } from './node.ts';

test('the order of keys does not matter, the order of a list does', () => {
  expect(digestOf({ a: 1, b: [1, 2] }, nodeCrypto)).toBe(digestOf({ b: [1, 2], a: 1 }, nodeCrypto));
  expect(digestOf([1, 2], nodeCrypto)).not.toBe(digestOf([2, 1], nodeCrypto));
});

test('numbers are digested as what they are, not as they were written', () => {
  expect(digestOf(JSON.parse('[1.0, 100, -0, 1E-7]') as JsonValue, nodeCrypto)).toBe(
    digestOfBytes(utf8('[1,100,0,1e-7]'), nodeCrypto),
  );
});

test('keys are sorted by UTF-16 units, so an emoji stands before U+FB33', () => {
  expect(digestOf({ '\ufb33': 1, '😀': 2, '\u20ac': 3 }, nodeCrypto)).toBe(
    digestOfBytes(utf8('{"\u20ac":3,"😀":2,"\ufb33":1}'), nodeCrypto),
  );
});

test('null, absent, empty and false all differ', () => {
  const digests = [{ a: null }, {}, { a: '' }, { a: false }, { a: [] }, { a: {} }, { a: 0 }].map((value) =>
    digestOf(value as JsonValue, nodeCrypto),
  );
  expect(new Set(digests).size).toBe(digests.length);
});

test('both backends agree', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const digest = digestOf(value as JsonValue, nodeCrypto);
      expect(digest).toMatch(DIGEST_PATTERN);
      expect(digestOf(value as JsonValue, nobleCrypto)).toBe(digest);
    }),
  );
});
