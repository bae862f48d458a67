/**
 * Three-way merge of JSON by key, as the daemon's editor and `git merge` do it. Lines do not matter: two people who change different
 * settings never conflict, and two who change the same one in different ways always do. Pure and symmetric: swapping the sides swaps
 * them in the conflicts and changes no value.
 */
import { formatPointer, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { mergeLists } from './merge-lists.ts';
import { orderKeys } from './order-keys.ts';
import {
  conflictAt,
  isSame,
  type Maybe,
  type MergeConflict,
  type Merged,
  memberOf,
  type Sides,
} from './sides.ts';

/** Pointer of a list → the member by which its items are the same item (`x-hw.mergeKey`). */
export type MergeKeys = ReadonlyMap<string, string>;

export const noMergeKeys: MergeKeys = new Map();

/**
 * Merges what `ours` and `theirs` made of `base`. Without a base, two objects merge as if it had been an empty one; lists are taken
 * whole unless `mergeKeys` names them.
 */
export function mergeValues(sides: Sides, mergeKeys: MergeKeys = noMergeKeys): Merged {
  const conflicts: MergeConflict[] = [];
  const value = mergeAt(sides, '', { mergeKeys, conflicts });
  return { value, conflicts };
}

interface Merge {
  readonly mergeKeys: MergeKeys;
  /** Filled on the way. */
  readonly conflicts: MergeConflict[];
}

function mergeAt(sides: Sides, pointer: string, merge: Merge): Maybe {
  const { base, ours, theirs } = sides;
  if (isSame(ours, theirs) || isSame(base, theirs)) return ours;
  if (isSame(base, ours)) return theirs;
  if (isObject(ours) && isObject(theirs) && (base === undefined || isObject(base)))
    return mergeObjects(base ?? {}, ours, theirs, pointer, merge);
  const key = merge.mergeKeys.get(pointer);
  // Inside an item nothing merges by key any more: a schema has no pointer for it.
  const merged = key === undefined ? null : mergeLists(sides, key, pointer, (item) => mergeValues(item));
  // Not "??": null is a value that somebody wrote.
  const kept = ours === undefined ? theirs : ours;
  const { value, conflicts } = merged ?? { value: kept, conflicts: [conflictAt(pointer, sides)] };
  merge.conflicts.push(...conflicts);
  return value;
}

function mergeObjects(
  base: JsonObject,
  ours: JsonObject,
  theirs: JsonObject,
  pointer: string,
  merge: Merge,
): JsonObject {
  const members: [string, JsonValue][] = [];
  for (const key of orderKeys(Object.keys(ours), Object.keys(theirs))) {
    const sides = { base: memberOf(base, key), ours: memberOf(ours, key), theirs: memberOf(theirs, key) };
    const value = mergeAt(sides, pointer + formatPointer([key]), merge);
    if (value !== undefined) members.push([key, value]);
  }
  // Not by assignment: whoever calls this, a key named `__proto__` stays a key.
  return Object.fromEntries(members);
}
