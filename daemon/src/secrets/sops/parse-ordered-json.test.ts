import { HeadwaterError, utf8 } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NumberText, type OrderedObject, orderedFrom, sameOrdered } from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { printOrderedJson } from './print-ordered-json.ts';

const parse = (text: string) => parseOrderedJson(utf8(text));

function refusal(input: string | Uint8Array): HeadwaterError {
  try {
    parseOrderedJson(typeof input === 'string' ? utf8(input) : input);
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test('keys keep their order, integer-like ones and names of prototypes too', () => {
  const tree = parse('{"b":1,"10":2,"2":3,"__proto__":{"constructor":4},"":5}') as OrderedObject;
  expect([...tree.keys()]).toEqual(['b', '10', '2', '__proto__', '']);
  expect(tree.get('__proto__')).toEqual(new Map([['constructor', new NumberText('4')]]));
});

test('two normal forms of one letter are two keys', () => {
  expect((parse('{"\u00e9":1,"e\u0301":2}') as OrderedObject).size).toBe(2);
});

test('numbers keep their text', () => {
  const texts = ['1.0', '-0', '1e21', '1E+2', '9007199254740993', '0.10', '-12.5e-3'];
  expect(parse(`[${texts.join(' , ')}]`)).toEqual(texts.map((text) => new NumberText(text)));
});

test('strings are unescaped, pairs of surrogates joined', () => {
  expect(parse(String.raw`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 😀\u0000"`)).toBe('"\\/\b\f\n\r\té😀 😀\0');
});

describe('refused', () => {
  test.each([
    ['{"a":1,"b":{"c":1,"c":2}}', 'HW_JSON_DUPLICATE_KEY', '/b/c'],
    ['{"a":1,"\\u0061":2}', 'HW_JSON_DUPLICATE_KEY', '/a'],
    ['{"__proto__":1,"__proto__":2}', 'HW_JSON_DUPLICATE_KEY', '/__proto__'],
    ['["x","\\ud800"]', 'HW_JSON_NOT_UTF8', '/1'],
    ['{"\\udc00":1}', 'HW_JSON_NOT_UTF8', ''],
    ['[1e999]', 'HW_JSON_NUMBER', '/0'],
    ['\ufeff{}', 'HW_JSON_BOM', ''],
  ])('%s: %s', (text, code, pointer) => {
    expect(refusal(text)).toMatchObject({ code, details: { pointer } });
  });

  test.each([
    ...[
      '',
      ' ',
      '{',
      '[',
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a":1,',
      '{"a":1,}',
      '[1,]',
      '[1 2]',
      '{a:1}',
      '1 1',
      '{"a" 1}',
    ],
    ...[
      '01',
      '-',
      '1.',
      '.5',
      '+1',
      'NaN',
      'nul',
      'True',
      '"a\nb"',
      '"\\x"',
      '"\\u12"',
      '"open',
      '"open\\"',
      '//x\n1',
      "'a'",
    ],
  ])('%j is no JSON', (text) => {
    expect(refusal(text).code).toBe('HW_JSON_SYNTAX');
  });

  test('bytes that are no UTF-8, and files beyond 512 KiB', () => {
    expect(refusal(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)).code).toBe('HW_JSON_NOT_UTF8');
    expect(refusal(new Uint8Array(512 * 1024 + 1).fill(0x20)).code).toBe('HW_FILE_TOO_LARGE');
  });

  test('nesting beyond 64 levels, closed or not', () => {
    expect(parse('['.repeat(64) + ']'.repeat(64))).toBeTruthy();
    expect(refusal('['.repeat(65) + ']'.repeat(65)).code).toBe('HW_JSON_DEPTH');
    expect(refusal('{"a":'.repeat(100_000)).code).toBe('HW_JSON_DEPTH');
  });

  test('no message shows the text, which may be a secret', () => {
    for (const text of [
      '{"a":"hunter2"',
      '{"a":hunter2}',
      '{"a":"hunter2\\x"}',
      '{"a":"\\ud800hunter2"}',
      '"hunter2\n"',
    ]) {
      const { message, hint, details, cause } = refusal(text);
      expect(JSON.stringify([message, hint, details, String(cause)])).not.toContain('hunter');
    }
  });
});

test('it is written as Go writes it', () => {
  const tree = orderedFrom({
    a: [],
    b: {},
    '<k>': ['x & y', { z: null }],
    s: '\u2028\u2029\b\f\u0001\u007f',
    n: 1.5,
    t: true,
  });
  expect(printOrderedJson(tree)).toBe(`{
	"a": [],
	"b": {},
	"\\u003ck\\u003e": [
		"x \\u0026 y",
		{
			"z": null
		}
	],
	"s": "\\u2028\\u2029\\b\\f\\u0001\u007f",
	"n": 1.5,
	"t": true
}
`);
  expect(printOrderedJson(parse('[1]'), '  ')).toBe('[\n  1\n]\n');
});

test('what JSON.parse reads it reads alike, and what it prints it reads back', () => {
  const json = fc.jsonValue({ maxDepth: 6 });
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value);
      const parsed = parse(text);
      expect(JSON.parse(printOrderedJson(parsed))).toEqual(JSON.parse(text));
      expect(sameOrdered(parse(printOrderedJson(parsed)), parsed)).toBe(true);
      expect(sameOrdered(orderedFrom(JSON.parse(text)), parsed)).toBe(true);
    }),
  );
});

test('it accepts and refuses the same damaged texts as JSON.parse', () => {
  const text = '{"a":[1,-2.5e3,true,"x\\u0041y",{"b":null}],"c":""}';
  const damage = fc.record({
    at: fc.nat(text.length),
    drop: fc.nat(3),
    add: fc.constantFrom('', '"', ',', '}', ']', '1', '\\', ' '),
  });
  fc.assert(
    fc.property(damage, ({ at, drop, add }) => {
      const damaged = text.slice(0, at) + add + text.slice(at + drop);
      let expected: unknown;
      try {
        expected = JSON.parse(damaged);
      } catch {
        expect(refusal(damaged).code).toBe('HW_JSON_SYNTAX');
        return;
      }
      try {
        expect(JSON.parse(printOrderedJson(parse(damaged)))).toEqual(expected);
      } catch (error) {
        expect(error).toMatchObject({ code: 'HW_JSON_DUPLICATE_KEY' });
      }
    }),
    { numRuns: 1000 },
  );
});
