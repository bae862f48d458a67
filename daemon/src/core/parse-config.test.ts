import { describe, expect, test } from 'vitest';
import { locate, maxFileBytes, parseConfig, parseDocument } from './parse-config.ts';

const parse = (content: string | Uint8Array) =>
  parseConfig(typeof content === 'string' ? Buffer.from(content) : content);

test('comments and the schema link are dropped, in objects inside lists too', () => {
  expect(
    parse('{"$schema":"x","$comment":1,"a":{"$comment":"why","$schema":2},"b":[{"$comment":"c","d":1}]}'),
  ).toEqual({
    value: { a: { $schema: 2 }, b: [{ d: 1 }] },
  });
  // The same key, spelt with an escape.
  expect(parse('{"a":{"\\u0024comment":"why","b":1}}')).toEqual({ value: { a: { b: 1 } } });
  expect(parseDocument(Buffer.from('{"$schema":"x","$comment":"y"}'))).toEqual({
    value: { $schema: 'x', $comment: 'y' },
  });
});

describe('bad input', () => {
  test.each([
    ['a missing comma', '{\n  "a": 1\n  "b": 2\n}', 'HW_JSON_SYNTAX', '', 3],
    ['a trailing comma', '{\n  "a": 1,\n}', 'HW_JSON_SYNTAX', '', 3],
    ['a comment', '{\n  // no\n  "a": 1\n}', 'HW_JSON_SYNTAX', '', 2],
    ['an end in the middle', '{\n  "a": [1,\n', 'HW_JSON_SYNTAX', '', undefined],
    ['nothing', '', 'HW_JSON_SYNTAX', '', undefined],
    ['a byte order mark', '\ufeff{}', 'HW_JSON_BOM', '', 1],
    ['a key twice', '{\n "a": {\n  "b": 1,\n  "b": 2 } }', 'HW_JSON_DUPLICATE_KEY', '/a/b', 4],
    ['a key twice, once escaped', '{"a": 1,\n"\\u0061": 2}', 'HW_JSON_DUPLICATE_KEY', '/a', 2],
    [
      'an integer that would be rounded',
      '{\n"a": [0, 9007199254740993] }',
      'HW_JSON_UNSAFE_INTEGER',
      '/a/1',
      2,
    ],
    ['a number beyond a double', '{"a": 1e400}', 'HW_JSON_NUMBER', '/a', 1],
    ['65 levels', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'HW_JSON_DEPTH', undefined, 1],
    ['100 000 levels', '['.repeat(100_000) + ']'.repeat(100_000), 'HW_JSON_DEPTH', undefined, 1],
    ['100 000 levels that never close', '['.repeat(100_000), 'HW_JSON_SYNTAX', undefined, undefined],
    ['__proto__', '{"a":\n{"__proto__": {"x": 1}}}', 'HW_JSON_FORBIDDEN_KEY', '/a/__proto__', 2],
    ['constructor', '{"constructor": 1}', 'HW_JSON_FORBIDDEN_KEY', '/constructor', 1],
    ['half a surrogate pair', '{"a": "\\ud800"}', 'HW_JSON_NOT_UTF8', '/a', 1],
    ['a list', '[]', 'HW_JSON_NOT_OBJECT', '', 1],
    ['null', 'null', 'HW_JSON_NOT_OBJECT', '', 1],
  ])('%s', (_, text, code, pointer, line) => {
    const parsed = parse(text);
    if (!('problem' in parsed)) throw new Error('expected a problem');
    expect(parsed.problem.code).toBe(code);
    if (pointer !== undefined) expect(parsed.problem.pointer).toBe(pointer);
    if (line !== undefined) expect(parsed.problem.line).toBe(line);
    expect(parsed.problem.hint).not.toBe('');
  });

  test('bytes that are not UTF-8', () => {
    expect(parse(new Uint8Array([0x7b, 0xff, 0x7d]))).toMatchObject({
      problem: { code: 'HW_JSON_NOT_UTF8' },
    });
  });

  test('one byte more than 512 KiB', () => {
    const fill = (size: number) => `{"a":"${'x'.repeat(size - 8)}"}`;
    expect(parse(fill(maxFileBytes))).toHaveProperty('value');
    expect(parse(fill(maxFileBytes + 1))).toMatchObject({ problem: { code: 'HW_FILE_TOO_LARGE' } });
  });

  test('what stands in a broken file is not repeated', () => {
    const parsed = parse('{"password": "hunter2" "x": 1}');
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});

describe('locate', () => {
  const text = '{\n  "a": 1,\n  "b": {\n    "c/d": [\n      1,\n      { "0": true }\n    ]\n  }\n}\n';
  test.each([
    ['', 1],
    ['/a', 2],
    ['/b/c~1d', 4],
    ['/b/c~1d/1', 6],
    ['/b/c~1d/1/0', 6],
    ['/b/missing', 3],
    ['/missing', 1],
  ])('%j is on line %i', (pointer, line) => expect(locate(text, pointer)).toBe(line));
});
