import { applyPatch, type JsonValue, type PatchOp, parseJson } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeTexts } from './merge-texts.ts';
import { mergeValues } from './merge-values.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;

test('adjacent lines merge, and each side keeps its spelling', () => {
  const base = lines('{', '  "a": 1.0,', '  "b": 2.0', '}');
  const merged = mergeTexts({ base, ours: base.replace('1.0', '1.50'), theirs: base.replace('2.0', '2.50') });
  expect(merged).toEqual({ text: lines('{', '  "a": 1.50,', '  "b": 2.50', '}'), conflicts: [] });
});

test('a file that both made merges', () => {
  const merged = mergeTexts({ base: null, ours: '{\n\t"a": 1\n}\n', theirs: '{ "b": 2 }' });
  expect(merged).toEqual({ text: '{\n\t"a": 1,\n\t"b": 2\n}\n', conflicts: [] });
});

describe('a conflict', () => {
  test('is a region of its own lines; everything else is merged', () => {
    const base = lines('{', '  "a": 1,', '  "replicas": 2,', '  "z": 1', '}');
    const ours = base.replace('"a": 1', '"a": 9').replace('2', '3');
    const theirs = base.replace('2', '4').replace('"z": 1', '"z": 8');
    expect(mergeTexts({ base, ours, theirs }).text).toBe(
      lines(
        '{',
        '  "a": 9,',
        '<<<<<<< ours',
        '  "replicas": 3,',
        '=======',
        '  "replicas": 4,',
        '>>>>>>> theirs',
        '  "z": 8',
        '}',
      ),
    );
  });

  test('of a removed last setting takes the comma before it along', () => {
    const base = lines('{', '  "a": 1,', '  "b": 2', '}');
    const { text } = mergeTexts({ base, ours: lines('{', '  "a": 1', '}'), theirs: base.replace('2', '3') });
    expect(text).toBe(
      lines('{', '<<<<<<< ours', '  "a": 1', '=======', '  "a": 1,', '  "b": 3', '>>>>>>> theirs', '}'),
    );
  });

  test('of a list is one region, whatever lines its versions share', () => {
    const list = (...ids: number[]) =>
      JSON.stringify({ x: 1, l: ids.map((id) => ({ id, on: true })), y: 1 }, null, 2);
    const { text } = mergeTexts({ base: list(1), ours: list(1, 2), theirs: list(3, 1) });
    expect(text.match(/<<<<<<< ours/g)).toHaveLength(1);
    expect(take(text, 'ours')).toBe(list(1, 2));
    expect(take(text, 'theirs')).toBe(list(3, 1));
  });

  test('on one line is that line, twice', () => {
    const { text } = mergeTexts({
      base: '{"a": 1, "b": 1}',
      ours: '{"a": 2, "b": 1}',
      theirs: '{"a": 3, "b": 9}',
    });
    expect(text).toBe('<<<<<<< ours\n{"a": 2, "b": 9}\n=======\n{"a": 3, "b": 9}\n>>>>>>> theirs\n');
  });

  test('keeps the line ends of the file', () => {
    const side = (a: number) => `{\r\n  "a": ${a}\r\n}\r\n`;
    const { text } = mergeTexts({ base: side(1), ours: side(2), theirs: side(3) });
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(text).toContain('<<<<<<< ours\r\n');
  });

  test('in an item of a keyed list may be that the item is gone', () => {
    const text = (...items: [string, number][]) =>
      lines(
        '{',
        '  "l": [',
        items.map(([id, v]) => `    { "id": "${id}", "v": ${v} }`).join(',\n'),
        '  ]',
        '}',
      );
    const merged = mergeTexts(
      { base: text(['a', 1], ['b', 1]), ours: text(['b', 2]), theirs: text(['a', 2], ['b', 1]) },
      new Map([['/l', 'id']]),
    );
    expect(merged.conflicts).toMatchObject([{ pointer: '/l/0' }]);
    expect(parseJson(take(merged.text, 'ours'))).toEqual({ l: [{ id: 'b', v: 2 }] });
    expect(parseJson(take(merged.text, 'theirs'))).toEqual({
      l: [
        { id: 'a', v: 2 },
        { id: 'b', v: 2 },
      ],
    });
  });

  test('stands alone: what merges between two of them is not in it', () => {
    const side = (a: number, m: number, z: number) =>
      lines('{', `  "a": ${a},`, `  "m": ${m},`, `  "z": ${z}`, '}');
    const { text } = mergeTexts({ base: side(1, 1, 1), ours: side(2, 1, 2), theirs: side(3, 9, 3) });
    expect(text.match(/^<<<<<<< ours\n.*\n=======\n.*\n>>>>>>> theirs$/gm)).toHaveLength(2);
    expect(text).toContain('>>>>>>> theirs\n  "m": 9,\n<<<<<<< ours');
  });

  test('about several items that one side removed takes each of them away, and no other', () => {
    const list = (...items: [string, number][]) =>
      JSON.stringify({ l: items.map(([id, v]) => ({ id, v })) }, null, 1);
    const { text, conflicts } = mergeTexts(
      {
        base: list(['a', 1], ['b', 1], ['c', 1]),
        ours: list(['c', 2]),
        theirs: list(['a', 2], ['b', 2], ['c', 1]),
      },
      new Map([['/l', 'id']]),
    );
    expect(conflicts.map(({ pointer }) => pointer)).toEqual(['/l/0', '/l/1']);
    expect(parseJson(take(text, 'ours'))).toEqual({ l: [{ id: 'c', v: 2 }] });
  });

  test('of documents that are no objects is the whole text', () => {
    expect(mergeTexts({ base: '1\n', ours: '2\n', theirs: '3\n' }).text).toBe(
      '<<<<<<< ours\n2\n=======\n3\n>>>>>>> theirs\n',
    );
  });

  test('of very different lists ends soon', () => {
    const list = (from: number) =>
      JSON.stringify(
        Array.from({ length: 20_000 }, (_, i) => i * 2 + from),
        null,
        1,
      );
    const start = performance.now();
    const { text } = mergeTexts({ base: '[]', ours: list(0), theirs: list(1) });
    expect(text.match(/=======/g)).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test('texts that are no strict JSON are refused', () => {
  expect(() => mergeTexts({ base: '{}', ours: '{"a":1,"a":2}', theirs: '{}' })).toThrow(
    expect.objectContaining({ code: 'HW_JSON_DUPLICATE_KEY' }),
  );
});

test('whatever the texts are: taking one side of every region gives the merge decided that way', () => {
  const value = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<JsonValue>(0, 1, 2, 'x', null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const space = fc.constantFrom(undefined, 1, 2, '\t');
  fc.assert(
    fc.property(value, value, value, space, space, (b, o, t, mine, others) => {
      const sides = {
        base: JSON.stringify(b),
        ours: JSON.stringify(o, null, mine),
        theirs: JSON.stringify(t, null, others),
      };
      const { text, conflicts } = mergeTexts(sides);
      const wanted = mergeValues({ base: b, ours: o, theirs: t });
      expect(conflicts).toEqual(wanted.conflicts);
      for (const side of ['ours', 'theirs'] as const) {
        const ops = wanted.conflicts
          .toReversed()
          .map(
            ({ pointer: path, [side]: own }): PatchOp =>
              own === undefined ? { op: 'remove', path } : { op: 'replace', path, value: own },
          );
        expect(parseJson(take(text, side))).toEqual(applyPatch(wanted.value as JsonValue, ops));
      }
      expect((text.match(/^<{7} ours$/gm) ?? []).length).toBeLessThanOrEqual(conflicts.length);
    }),
    { numRuns: 3000 },
  );
});

/** The text as somebody leaves it who takes one side everywhere. */
function take(text: string, side: 'ours' | 'theirs'): string {
  const region = /<{7} ours\r?\n([\s\S]*?)={7}\r?\n([\s\S]*?)>{7} theirs\r?\n/g;
  return text.replace(region, side === 'ours' ? '$1' : '$2');
}
