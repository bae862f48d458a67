import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { isHeadwaterError } from './errors.ts';
import { maxJsonDepth, parseJson, parseJsonBytes } from './json.ts';
import { findSyntaxFault } from './json-syntax.ts';

const refusal = (text: string): { code: string; message: string; offset: unknown; pointer: unknown } => {
  try {
    parseJson(text);
  } catch (error) {
    if (isHeadwaterError(error)) {
      const { code, message, details } = error;
      return { code, message, offset: details.offset, pointer: details.pointer };
    }
    throw error;
  }
  throw new Error(`accepted ${text.slice(0, 80)}`);
};

test('ordinary JSON means what it meant to JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5, stringUnit: 'binary' }), (text) => {
      const plain = JSON.parse(text) as unknown;
      let strict: unknown;
      try {
        strict = parseJson(text);
      } catch (error) {
        // Whole numbers that a double cannot hold are the only thing a generator of valid JSON runs into.
        if (isHeadwaterError(error) && /^HW_JSON_(UNSAFE_INTEGER|FORBIDDEN_KEY|NOT_UTF8)$/.test(error.code))
          return;
        throw error;
      }
      expect(strict).toEqual(plain);
    }),
  );
});

describe('refused, with the place', () => {
  test.each([
    ['{"a":1,"a":2}', 'HW_JSON_DUPLICATE_KEY', 7, '/a'],
    ['{"a":{"b":[{"c":1,"\\u0063":2}]}}', 'HW_JSON_DUPLICATE_KEY', 18, '/a/b/0/c'],
    ['{"":1,"":2}', 'HW_JSON_DUPLICATE_KEY', 6, '/'],
    ['{"toString":1,"toString":2}', 'HW_JSON_DUPLICATE_KEY', 14, '/toString'],
    ['[1,{"x":9007199254740992}]', 'HW_JSON_UNSAFE_INTEGER', 8, '/1/x'],
    ['-9007199254740993', 'HW_JSON_UNSAFE_INTEGER', 0, ''],
    ['[9007199254740993.0]', 'HW_JSON_UNSAFE_INTEGER', 1, '/0'],
    ['[1e20]', 'HW_JSON_UNSAFE_INTEGER', 1, '/0'],
    ['[0,1e400]', 'HW_JSON_NUMBER', 3, '/1'],
    ['{"__proto__":{}}', 'HW_JSON_FORBIDDEN_KEY', 1, '/__proto__'],
    ['{"a":{"\\u005f_proto__":1}}', 'HW_JSON_FORBIDDEN_KEY', 6, '/a/__proto__'],
    ['{"constructor":1}', 'HW_JSON_FORBIDDEN_KEY', 1, '/constructor'],
    ['{"prototype":1}', 'HW_JSON_FORBIDDEN_KEY', 1, '/prototype'],
    ['["\\ud800"]', 'HW_JSON_NOT_UTF8', 1, '/0'],
    ['{"\\udc00":1}', 'HW_JSON_NOT_UTF8', 1, '/\udc00'],
    ['["\\udc00\\ud800"]', 'HW_JSON_NOT_UTF8', 1, '/0'],
    ['["\ud800"]', 'HW_JSON_NOT_UTF8', 2, ''],
    ['\ufeff{}', 'HW_JSON_BOM', 0, ''],
  ])('%s', (text, code, offset, pointer) => {
    expect(refusal(text)).toMatchObject({ code, offset, pointer });
  });

  test.each([
    ['', 0],
    ['  ', 2],
    ['nul', 0],
    ['{"a": nope}', 6],
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ["{'a':1}", 1],
    ['{a:1}', 1],
    ['{"a":1', 6],
    ['[[]', 3],
    ['[}', 1],
    ['{"a":1]', 6],
    ['1 1', 2],
    ['01', 1],
    ['-', 0],
    ['1.', 1],
    ['.5', 0],
    ['+1', 0],
    ['NaN', 0],
    ['"a\nb"', 2],
    ['"\\x"', 1],
    ['"\\u12"', 1],
    ['"open', 5],
    ['// comment\n{}', 0],
    ['{}\u00a0', 2],
  ])('%j is no JSON', (text, offset) => {
    expect(refusal(text)).toMatchObject({ code: 'HW_JSON_SYNTAX', offset });
  });

  test('bytes that are no UTF-8', () => {
    const bytes = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
    expect(() => parseJsonBytes(bytes)).toThrow(expect.objectContaining({ code: 'HW_JSON_NOT_UTF8' }));
    const cesu = Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22); // a surrogate written as bytes
    expect(() => parseJsonBytes(cesu)).toThrow(expect.objectContaining({ code: 'HW_JSON_NOT_UTF8' }));
    expect(() => parseJsonBytes(utf8('\ufeff1'))).toThrow(expect.objectContaining({ code: 'HW_JSON_BOM' }));
  });
});

test('accepted: safe integers, fractions, pairs of surrogates, names of inherited properties', () => {
  const text =
    '{"a":[9007199254740991,-9007199254740991,1e15,1.5e-300,5e-324,"\\ud83d\\ude00😀"],"hasOwnProperty":null}';
  expect(parseJson(text)).toEqual(JSON.parse(text));
  expect(parseJson('1e-400')).toBe(0);
  expect(Object.is(parseJson('-0'), -0)).toBe(true);
});

test('64 levels are accepted and 65 are not', () => {
  const nest = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  expect(parseJson(nest(maxJsonDepth))).toBeTruthy();
  expect(refusal(nest(maxJsonDepth + 1)).code).toBe('HW_JSON_DEPTH');
  expect(refusal(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`).code).toBe('HW_JSON_DEPTH');
});

test('bottomless nesting is a typed error, closed or not', () => {
  expect(refusal('['.repeat(100_000) + ']'.repeat(100_000)).code).toBe('HW_JSON_DEPTH');
  expect(refusal('['.repeat(500_000))).toMatchObject({ code: 'HW_JSON_SYNTAX', offset: 500_000 });
  expect(refusal('{"a":'.repeat(100_000)).code).toBe('HW_JSON_SYNTAX');
});

test('worst cases of 512 KiB are read', () => {
  const size = 512 * 1024;
  const keys = Array.from({ length: 40_000 }, (_, i) => `"k${i}":1`).join(',');
  for (const text of [
    `{${keys}}`,
    `"${'\\u0041'.repeat(size / 6)}"`,
    `{"${'\\\\'.repeat(size / 2)}":1}`,
    `[${'[],'.repeat(size / 3)}[]]`,
    `0.${'1'.repeat(size)}`,
  ])
    expect(parseJson(text)).toBeDefined();
});

test('no error shows the text, which may be a secret', () => {
  for (const text of [
    '{"password":"hunter2"',
    '{"password":hunter2}',
    '{"a":"x" "hunter2"}',
    '{"a":"hunter2\n"}',
  ]) {
    try {
      parseJson(text);
      expect.unreachable();
    } catch (error) {
      const { message, hint, details, cause } = error as Error & { hint: string; details: object };
      expect(JSON.stringify([message, hint, details, String(cause)])).not.toContain('hunter');
    }
  }
});

test('the place of a fault is the first character that JSON cannot go on from', () => {
  // Cut valid text anywhere: the fault is at the cut, or at the literal or escape that the cut broke.
  const text = '{"a":[1,true,"x\\u0041y",{"b":null}],"c":-1.5e3}';
  for (let cut = 0; cut < text.length; cut++) {
    const { offset } = findSyntaxFault(text.slice(0, cut));
    expect(offset).toBeLessThanOrEqual(cut);
    expect(cut - offset).toBeLessThan(7);
  }
});
