import { equalValues, isObject, type JsonValue, parseJson } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newJson, rewriteJson } from './rewrite-json.ts';

/** Changes the value of a text by hand, as callers do. */
function edit<T>(text: string, change: (value: T) => void): string {
  const value = structuredClone(parseJson(text)) as T;
  change(value);
  return rewriteJson(text, value as JsonValue);
}

interface Sample {
  rate?: number;
  pins?: number[];
  log: { level: string };
  cams: [unknown, { fps: number }];
}
const editSample = (change: (value: Sample) => void) => edit(sample, change);

const sample = `{
    "rate": 1.0,
    "limit" : 1e3,

    "pins": [1, 2,  3],
    "log": {"level":"info", "file": "a\\u0062c"},
    "cams": [
        { "id": "a", "fps": 30.0 },
        { "id": "b", "fps": 15.0 }
    ]
}
`;

describe('what is not changed stays byte for byte', () => {
  test('one changed value changes only itself', () => {
    const text = editSample((value) => {
      value.log.level = 'debug';
    });
    expect(text).toBe(sample.replace('"info"', '"debug"'));
    expect(editSample(() => {})).toBe(sample);
  });

  test('a changed item of a list changes only itself', () => {
    const text = editSample((value) => {
      value.cams[1].fps = 20;
      value.pins?.splice(1, 1);
    });
    expect(text).toBe(sample.replace('15.0', '20').replace('1, 2,  3', '1,  3'));
  });

  test('a removed setting takes its line, its comma and nothing else', () => {
    expect(editSample((value) => delete value.rate)).toBe(sample.replace('    "rate": 1.0,\n', ''));
    expect(editSample((value) => delete value.pins)).toBe(sample.replace('\n    "pins": [1, 2,  3],\n', ''));
    expect(edit('{\n  "a": 1,\n  "b": 2\n}', (value: { b?: number }) => delete value.b)).toBe(
      '{\n  "a": 1\n}',
    );
    expect(edit('{ "a": 1, "b": 2 }', (value: { a?: number }) => delete value.a)).toBe('{ "b": 2 }');
    expect(edit('[1, 2]', (value: number[]) => value.pop())).toBe('[1]');
    expect(edit('{"a": {"b": 1}}', (value: { a: { b?: number } }) => delete value.a.b)).toBe('{"a": {}}');
  });

  test('a new setting stands behind its neighbour, in the indentation of the others', () => {
    const value = { a: 1, new: { deep: [1, 2], list: [{ x: 1 }] }, b: 2, last: true };
    expect(rewriteJson('{\n\t"a": 1.0,\n\n\t"b": 2\n}', value)).toBe(
      '{\n\t"a": 1.0,\n\t"new": {\n\t\t"deep": [1, 2],\n\t\t"list": [\n\t\t\t{\n\t\t\t\t"x": 1\n\t\t\t}\n\t\t]\n\t},\n\n\t"b": 2,\n\t"last": true\n}',
    );
    expect(rewriteJson('{ "b": 1 }', { a: 0, b: 1, c: { d: [1] } })).toBe(
      '{ "a": 0, "b": 1, "c": { "d": [1] } }',
    );
    expect(rewriteJson('{"b":1}', { a: 0, b: 1, c: { d: [1, 2] } })).toBe('{"a":0,"b":1,"c":{"d":[1,2]}}');
    expect(rewriteJson('{}\n', { a: 1 })).toBe('{\n  "a": 1\n}\n');
  });

  test('line ends and a missing last newline stay', () => {
    expect(rewriteJson('{\r\n  "a": 1\r\n}\r\n', { a: 1, b: { c: 1 } })).toBe(
      '{\r\n  "a": 1,\r\n  "b": {\r\n    "c": 1\r\n  }\r\n}\r\n',
    );
    expect(rewriteJson('  {"a" : 1}', { a: 2 })).toBe('  {"a" : 2}');
  });

  test('items of a list may move, come and go', () => {
    const list = '[\n  { "id": 1.0 },\n  { "id": 2.0 },\n  { "id": 3.0 }\n]';
    expect(rewriteJson(list, [{ id: 3 }, { id: 1 }])).toBe('[\n  { "id": 3.0 },\n  { "id": 1.0 }\n]');
    expect(rewriteJson('[1.0, 2.0]', [2, 1])).toBe('[2.0, 1.0]');
    // Two became one: nobody can say which of them, so no number keeps a spelling that it never had.
    expect(rewriteJson('[\n  { "a": 1.0, "b": 5.0 },\n  { "a": 2.0 }\n]', [{ a: 3, b: 5 }])).toBe(
      '[\n  {\n    "a": 3,\n    "b": 5\n  }\n]',
    );
    expect(rewriteJson(list, [{ id: 0 }, { id: 1 }, { id: 2 }, { id: 3 }])).toBe(
      '[\n  {\n    "id": 0\n  },\n  { "id": 1.0 },\n  { "id": 2.0 },\n  { "id": 3.0 }\n]',
    );
  });

  test('a long list of plain values gets a line for each', () => {
    const words = Array.from({ length: 30 }, (_, i) => `word ${i}`);
    expect(rewriteJson('{\n  "a": 1\n}', { a: 1, words }).split('\n')).toHaveLength(35);
  });
});

test('values that come from another text are spelt as there', () => {
  const theirs = '{ "a": 1, "t": 2.50, "o": { "x": 1e2, "l": [1.0, 2] },\n "m": {\n "y": 3.0\n } }';
  expect(
    rewriteJson('{\n  "a": 1.0\n}', { a: 1, t: 2.5, o: { x: 100, l: [1, 2] }, m: { y: 3 } }, theirs),
  ).toBe('{\n  "a": 1.0,\n  "t": 2.50,\n  "o": { "x": 1e2, "l": [1.0, 2] },\n  "m": {\n    "y": 3.0\n  }\n}');
});

test('a new file looks like its sibling', () => {
  expect(newJson({ a: { b: 1 } })).toBe('{\n  "a": {\n    "b": 1\n  }\n}\n');
  expect(newJson({ a: 1 }, '{\r\n\t"x": 1\r\n}')).toBe('{\r\n\t"a": 1\r\n}\r\n');
  expect(newJson({}, '{"x":1}')).toBe('{}\n');
});

test('what no file may hold is refused by name', () => {
  const deep = Array.from({ length: 70 }).reduce<JsonValue>((inner) => [inner], 1);
  for (const [value, code] of [
    [Number.NaN, 'HW_JSON_NUMBER'],
    [Number.POSITIVE_INFINITY, 'HW_JSON_NUMBER'],
    [2 ** 53, 'HW_JSON_UNSAFE_INTEGER'],
    [JSON.parse('{"__proto__":1}'), 'HW_JSON_FORBIDDEN_KEY'],
    ['half \ud800', 'HW_JSON_NOT_UTF8'],
    [deep, 'HW_JSON_DEPTH'],
  ] as [JsonValue, string][]) {
    expect(() => rewriteJson('{"a":1}', { a: value })).toThrow(expect.objectContaining({ code }));
  }
});

describe('whatever the texts are', () => {
  const space = fc.constantFrom('', ' ', '  ', '\n', '\n  ', '\r\n\t', '\n\n    ');
  const scalar = fc.constantFrom('1', '1.0', '1e3', '-0', '""', '"a\\u0062\\n"', '"[,]{}"', 'null', 'true');
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'x/y', '');
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc
        .tuple(fc.array(fc.tuple(space, tie('text'), space), { maxLength: 4 }), space)
        .map(
          ([items, pad]) => `[${items.length === 0 ? pad : items.map((item) => item.join('')).join(',')}]`,
        ),
      fc
        .tuple(
          fc.uniqueArray(fc.tuple(key, space, space, space, tie('text'), space), {
            maxLength: 4,
            selector: ([k]) => k,
          }),
          space,
        )
        .map(([items, pad]) =>
          items.length === 0
            ? `{${pad}}`
            : `{${items.map(([k, a, b, c, v, d]) => `${a}${JSON.stringify(k)}${b}:${c}${v}${d}`).join(',')}}`,
        ),
    ),
  }));
  const whole = fc.tuple(space, text, space).map((parts) => parts.join(''));

  test('the new text holds exactly the wanted value, and nothing changes when nothing is asked', () => {
    fc.assert(
      fc.property(whole, whole, whole, (from, to, spelling) => {
        const wanted = parseJson(to);
        expect(equalValues(parseJson(rewriteJson(from, wanted)), wanted)).toBe(true);
        expect(equalValues(parseJson(rewriteJson(from, wanted, spelling)), wanted)).toBe(true);
        expect(equalValues(parseJson(newJson(wanted, from)), wanted)).toBe(true);
        expect(rewriteJson(from, parseJson(from))).toBe(from);
      }),
      { numRuns: 5000 },
    );
  });

  test('there and back again, a changed member leaves the text as it was', () => {
    fc.assert(
      fc.property(whole, (from) => {
        const value = parseJson(from);
        if (!isObject(value)) return;
        for (const name of Object.keys(value)) {
          const there = rewriteJson(from, { ...value, [name]: 'changed' });
          expect(rewriteJson(there, value, from).length).toBeGreaterThan(0);
          expect(there.replace(/"changed"/, '')).toBe(cut(from, name));
        }
      }),
      { numRuns: 2000 },
    );
  });

  /** The text without the value of one member of its top level, found without the writer. */
  function cut(from: string, name: string): string {
    const at = from.search(/\S/) + 1;
    for (let i = at, depth = 0, key: string | null = null, start = -1; i < from.length; i++) {
      const char = from[i] as string;
      if (char === '"') {
        let end = i + 1;
        while (from[end] !== '"') end += from[end] === '\\' ? 2 : 1;
        if (depth === 0 && key === null) key = JSON.parse(from.slice(i, end + 1));
        else if (depth === 0 && start < 0) start = i;
        i = end;
      } else if (depth === 0 && (char === ',' || char === '}')) {
        if (key === name)
          return from.slice(0, start) + from.slice(start).slice(from.slice(start, i).trimEnd().length);
        key = null;
        start = -1;
      } else if (depth === 0 && key !== null && start < 0 && !/[\s:]/.test(char)) {
        start = i;
        if (char === '{' || char === '[') depth++;
      } else if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
    }
    throw new Error(`no member ${name}`);
  }
});
