import { equalValues, isObject, type JsonValue, valueAt } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MergeKeys, mergeValues } from './merge-values.ts';
import type { Maybe, MergeConflict } from './sides.ts';

const merge = (base: Maybe, ours: Maybe, theirs: Maybe, keys?: Record<string, string>) =>
  mergeValues({ base, ours, theirs }, new Map(Object.entries(keys ?? {})));

describe('settings', () => {
  test('changes of different settings merge, however near they are', () => {
    expect(merge({ a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 })).toEqual({
      value: { a: 2, b: 2 },
      conflicts: [],
    });
  });

  test('both sides add different settings, also deep in an object that neither had before', () => {
    const merged = merge({}, { log: { level: 'info' } }, { log: { file: 'x' }, port: 1 });
    expect(merged).toEqual({ value: { log: { level: 'info', file: 'x' }, port: 1 }, conflicts: [] });
  });

  test('the same setting changed in two ways is a conflict that shows all three values', () => {
    const merged = merge({ a: { r: 1 }, b: 1 }, { a: { r: 2 }, b: 1 }, { a: { r: 3 }, b: 9 });
    expect(merged).toEqual({
      value: { a: { r: 2 }, b: 9 },
      conflicts: [{ pointer: '/a/r', base: 1, ours: 2, theirs: 3 }],
    });
  });

  test('removing here and changing there is a conflict; a side without a value has no member', () => {
    const { value, conflicts } = merge(
      { env: { LOG: 'a', X: 1 } },
      { env: { X: 1 } },
      { env: { LOG: 'b', X: 1 } },
    );
    expect(conflicts).toEqual([{ pointer: '/env/LOG', base: 'a', theirs: 'b' }]);
    expect(value).toEqual({ env: { LOG: 'b', X: 1 } });
  });

  test('removing here what is untouched there removes it', () => {
    expect(merge({ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }).value).toEqual({ b: 2 });
  });

  test('null is a value, not an absence', () => {
    expect(merge({ a: 1 }, { a: null }, { a: 1, b: 1 }).value).toEqual({ a: null, b: 1 });
    expect(merge({ a: 1 }, { a: null }, {})).toEqual({
      value: { a: null },
      conflicts: [{ pointer: '/a', base: 1, ours: null }],
    });
  });

  test('an object in the place of a value is not merged into another such object', () => {
    expect(merge({ a: 1 }, { a: { x: 1 } }, { a: { y: 1 } }).conflicts).toHaveLength(1);
  });

  test('lists are whole values', () => {
    expect(merge({ l: [1, 2] }, { l: [1, 2, 3] }, { l: [0, 1, 2] }).conflicts).toEqual([
      { pointer: '/l', base: [1, 2], ours: [1, 2, 3], theirs: [0, 1, 2] },
    ]);
    expect(merge({ l: [1] }, { l: [1] }, { l: [2] }).value).toEqual({ l: [2] });
  });

  test('a document removed on one side and changed on the other is one conflict', () => {
    expect(merge({ a: 1 }, undefined, { a: 2 }).conflicts).toEqual([
      { pointer: '', base: { a: 1 }, theirs: { a: 2 } },
    ]);
    expect(merge({ a: 1 }, undefined, { a: 1 }).value).toBeUndefined();
  });

  test('names that reach a prototype are names like others', () => {
    const side = (text: string) => JSON.parse(text) as JsonValue;
    const { value, conflicts } = merge(
      {},
      side('{"__proto__":{"a":1}}'),
      side('{"constructor":2,"toString":3}'),
    );
    expect(conflicts).toEqual([]);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1},"constructor":2,"toString":3}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test('a new setting stays among those it was written with', () => {
    const { value } = merge({ a: 1, z: 1 }, { a: 1, z: 2 }, { first: 0, a: 1, b: 1, c: 1, z: 1 });
    expect(Object.keys(value as object)).toEqual(['first', 'a', 'b', 'c', 'z']);
  });

  test('pointers escape what they must', () => {
    expect(
      merge({ 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }, { 'a/b': { '~': 3 } }).conflicts[0]?.pointer,
    ).toBe('/a~1b/~0');
  });
});

describe('lists with a merge key', () => {
  const keys = { '/cams': 'id' };
  const list = (...items: [string | number, number?][]) => ({
    cams: items.map(([id, v]) => (v === undefined ? { id } : { id, v })),
  });
  const ids = (value: Maybe) => (value as ReturnType<typeof list>).cams.map(({ id }) => id).join('');

  test('items merge one by one', () => {
    const merged = merge(list(['a', 1], ['b', 1]), list(['a', 2], ['b', 1]), list(['a', 1], ['b', 2]), keys);
    expect(merged).toEqual({ value: list(['a', 2], ['b', 2]), conflicts: [] });
  });

  test('both add items, at the same place too; the result does not depend on who merges', () => {
    const base = list(['a'], ['z']);
    const [x, y] = [list(['a'], ['m'], ['z']), list(['a'], ['c'], ['d'], ['z'], ['end'])];
    expect(ids(merge(base, x, y, keys).value)).toBe('acdmzend');
    expect(ids(merge(base, y, x, keys).value)).toBe('acdmzend');
  });

  test('one side reorders while the other adds and removes', () => {
    const merged = merge(
      list(['a'], ['b'], ['c']),
      list(['c'], ['b'], ['a']),
      list(['a'], ['n'], ['c']),
      keys,
    );
    expect(merged.conflicts).toEqual([]);
    expect(ids(merged.value)).toBe('can');
  });

  test('two different orders are a conflict of the list', () => {
    const sides = [list(['a'], ['b'], ['c']), list(['b'], ['a'], ['c']), list(['a'], ['c'], ['b'])] as const;
    expect(merge(...sides, keys).conflicts).toMatchObject([{ pointer: '/cams' }]);
  });

  test('the same item added at two places is a conflict of the list', () => {
    const sides = [list(['a'], ['b']), list(['n'], ['a'], ['b']), list(['a'], ['b'], ['n'])] as const;
    expect(merge(...sides, keys).conflicts).toMatchObject([{ pointer: '/cams' }]);
  });

  test('conflicts inside an item point into the merged list', () => {
    const merged = merge(
      list(['a', 1], ['b', 1]),
      list(['new'], ['a', 1], ['b', 2]),
      list(['a', 1], ['b', 3]),
      keys,
    );
    expect(merged.conflicts).toEqual([{ pointer: '/cams/2/v', base: 1, ours: 2, theirs: 3 }]);
    expect(valueAt(merged.value, '/cams/2/id')).toBe('b');
  });

  test('an item removed here and changed there stays, as a conflict', () => {
    const merged = merge(list(['a', 1], ['b', 1]), list(['b', 1]), list(['a', 2], ['b', 1]), keys);
    expect(merged.conflicts).toEqual([
      { pointer: '/cams/0', base: { id: 'a', v: 1 }, theirs: { id: 'a', v: 2 } },
    ]);
  });

  test('a list with a nameless or doubled item is a whole value again', () => {
    for (const odd of [{ cams: [{ v: 1 }] }, list(['a'], ['a']), { cams: ['a'] }, { cams: [{ id: null }] }]) {
      expect(merge(list(['b', 1]), odd, list(['b', 2]), keys).conflicts).toMatchObject([
        { pointer: '/cams' },
      ]);
    }
  });

  test('1 and "1" are two items', () => {
    expect(merge(list([1, 1], ['1', 1]), list([1, 2], ['1', 1]), list([1, 1], ['1', 3]), keys).value).toEqual(
      list([1, 2], ['1', 3]),
    );
  });
});

describe('whatever the documents are', () => {
  const mergeKeys: MergeKeys = new Map([
    ['/list', 'id'],
    ['/o/list', 'id'],
  ]);
  const scalar = fc.constantFrom<JsonValue>(null, true, 0, 1, 'x', '');
  const key = fc.constantFrom('a', 'b', 'c', '__proto__');
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 4 })
        .map((members) => Object.fromEntries(members) as JsonValue),
    ),
  }));
  const keyedList = fc
    .uniqueArray(fc.constantFrom('k', 'l', 'm', 'n', 'o'), { maxLength: 4 })
    .chain((ids) => fc.tuple(...ids.map((id) => value.map((v): JsonValue => ({ id, v })))))
    .map((items) => items as JsonValue);
  const document = fc.tuple(value, keyedList, keyedList).map(
    ([rest, list, inner]): JsonValue => ({
      ...(isObject(rest) ? rest : { rest }),
      list,
      o: { list: inner },
    }),
  );
  /** Three documents that share most of what they hold: each side takes some members of another document. */
  const choices = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 });
  const three = fc
    .tuple(document, document, document, choices, choices)
    .map(([base, a, b, some, others]) => ({ base, ours: mix(base, a, some), theirs: mix(base, b, others) }));
  const run = (sides: { base: Maybe; ours: Maybe; theirs: Maybe }) => mergeValues(sides, mergeKeys);
  const all = { numRuns: 2000 };

  test('one side alone is taken as it is', () => {
    fc.assert(
      fc.property(document, document, (base, side) => {
        expect(run({ base, ours: side, theirs: base })).toEqual({ value: side, conflicts: [] });
        expect(run({ base, ours: base, theirs: side })).toEqual({ value: side, conflicts: [] });
      }),
      all,
    );
  });

  test('what both did is taken once', () => {
    fc.assert(
      fc.property(document, document, (base, side) => {
        expect(run({ base, ours: side, theirs: structuredClone(side) })).toEqual({
          value: side,
          conflicts: [],
        });
      }),
      all,
    );
  });

  test('swapping the sides swaps the conflicts and nothing else', () => {
    fc.assert(
      fc.property(three, ({ base, ours, theirs }) => {
        const here = run({ base, ours, theirs });
        const there = run({ base, ours: theirs, theirs: ours });
        expect(byPlace(there.conflicts.map(swap))).toEqual(byPlace(here.conflicts));
        if (here.conflicts.length === 0)
          expect(equalValues(here.value as JsonValue, there.value as JsonValue)).toBe(true);
      }),
      all,
    );
  });

  test('merging is deterministic, and again with the result changes nothing', () => {
    fc.assert(
      fc.property(three, ({ base, ours, theirs }) => {
        const once = run({ base, ours, theirs });
        expect(run(structuredClone({ base, ours, theirs }))).toEqual(once);
        if (once.conflicts.length > 0) return;
        const again = run({ base: theirs, ours: once.value, theirs });
        expect(equalValues(again.value as JsonValue, once.value as JsonValue)).toBe(true);
      }),
      all,
    );
  });

  test('no change of either side is lost: it is in the result, or its place is a conflict', () => {
    fc.assert(
      fc.property(three, ({ base, ours, theirs }) => {
        const { value: merged, conflicts } = run({ base, ours, theirs });
        for (const side of [ours, theirs]) {
          for (const [place, wanted] of changedLeaves(base, side)) {
            const isOpen = conflicts.some(({ pointer }) => {
              const at = namedPlace(merged, pointer);
              return place === at || place.startsWith(`${at}/`) || at.startsWith(`${place}/`);
            });
            if (!isOpen) expect([place, leaves(merged).get(place)]).toEqual([place, wanted]);
          }
        }
      }),
      all,
    );
  });

  test('every conflict leads to a place in the merged value', () => {
    fc.assert(
      fc.property(three, (sides) => {
        const { value: merged, conflicts } = run(sides);
        for (const conflict of conflicts)
          expect(valueAt(merged, conflict.pointer)).toEqual(
            Object.hasOwn(conflict, 'ours') ? conflict.ours : conflict.theirs,
          );
      }),
      all,
    );
  });

  function mix(base: JsonValue, other: JsonValue, picks: readonly number[], depth = 0): JsonValue {
    if (!isObject(base) || !isObject(other) || depth > 2) return other;
    const keys = [...new Set([...Object.keys(base), ...Object.keys(other)])];
    const members = keys.flatMap((name, i): [string, JsonValue][] => {
      const [mine, fresh] = [base, other].map((from) => (Object.hasOwn(from, name) ? from[name] : undefined));
      const pick = picks[(i + depth) % picks.length];
      const taken =
        pick === 2 && mine !== undefined && fresh !== undefined
          ? mix(mine, fresh, picks.slice(1).concat(0), depth + 1)
          : pick === 1
            ? fresh
            : mine;
      return taken === undefined ? [] : [[name, taken]];
    });
    return Object.fromEntries(members);
  }

  const swap = ({ ours, theirs, ...rest }: MergeConflict): MergeConflict => ({
    ...rest,
    ...(theirs === undefined ? {} : { ours: theirs }),
    ...(ours === undefined ? {} : { theirs: ours }),
  });
  const byPlace = (conflicts: readonly MergeConflict[]) =>
    [...conflicts].sort((a, b) => (a.pointer < b.pointer ? -1 : 1));

  /** Place → value, items of keyed lists by their name, so that places do not move with the order. */
  function leaves(root: Maybe): Map<string, JsonValue> {
    const found = new Map<string, JsonValue>();
    const visit = (at: JsonValue, pointer: string, place: string): void => {
      const name = mergeKeys.get(pointer);
      if (name !== undefined && Array.isArray(at)) {
        for (const item of at as { [key: string]: JsonValue }[])
          visit(item, '-', `${place}/[${String(item[name])}]`);
      } else if (isObject(at) && Object.keys(at).length > 0) {
        for (const [child, inner] of Object.entries(at))
          visit(inner, `${pointer}/${child}`, `${place}/${child}`);
      } else found.set(place, at);
    };
    if (root !== undefined) visit(root, '', '');
    return found;
  }

  /** Leaves that a side set or removed. An object that lost its last member is the same change as that member's removal. */
  function changedLeaves(base: JsonValue, side: JsonValue): [string, JsonValue | undefined][] {
    const [before, after] = [leaves(base), leaves(side)];
    return [...new Set([...before.keys(), ...after.keys()])]
      .filter((place) => JSON.stringify(before.get(place)) !== JSON.stringify(after.get(place)))
      .filter((place) => !isEmptied(after.get(place)) && !isEmptied(before.get(place)))
      .map((place) => [place, after.get(place)]);
  }
  const isEmptied = (leaf: JsonValue | undefined) => isObject(leaf);

  function namedPlace(root: Maybe, pointer: string): string {
    const [list = ''] = [...mergeKeys.keys()].filter((one) => pointer.startsWith(`${one}/`));
    if (list === '') return pointer;
    const [index = '', ...rest] = pointer.slice(list.length + 1).split('/');
    const name = valueAt(root, `${list}/${index}/${mergeKeys.get(list)}`);
    return [`${list}/[${String(name)}]`, ...rest].join('/');
  }
});
