import { isObject, type JsonValue, parseJson, parsePointer } from '@headwater/schemas/protocol';
import { rewriteJson } from '../json-text/rewrite-json.ts';
import { markConflicts } from './mark-conflicts.ts';
import { type MergeKeys, mergeValues } from './merge-values.ts';
import type { Maybe, MergeConflict } from './sides.ts';

export interface Texts {
  /** `null`: the file did not exist when the two parted. */
  readonly base: string | null;
  readonly ours: string;
  readonly theirs: string;
}

export interface MergedText {
  /** Our text with their changes; at conflicts both versions, between conflict markers. */
  readonly text: string;
  readonly conflicts: readonly MergeConflict[];
}

/**
 * Merges three JSON texts as `git merge` would, but by value. What merges is merged, conflict or not.
 * @throws HeadwaterError `HW_JSON_*` when one of them is no strict JSON.
 */
export function mergeTexts({ base, ours, theirs }: Texts, mergeKeys?: MergeKeys): MergedText {
  const sides = {
    base: base === null ? undefined : parseJson(base),
    ours: parseJson(ours),
    theirs: parseJson(theirs),
  };
  const { value, conflicts } = mergeValues(sides, mergeKeys);
  // Two documents cannot merge into none, only a removed file could.
  const write = (side: 'ours' | 'theirs') =>
    rewriteJson(
      ours,
      conflicts.reduceRight((whole, conflict) => settle(whole, conflict, side), value as JsonValue),
      theirs,
    );
  const [mine, others] = [write('ours'), conflicts.length === 0 ? '' : write('theirs')];
  return conflicts.length === 0
    ? { text: mine, conflicts }
    : { text: markConflicts(mine, others, conflicts), conflicts };
}

/** The merged value with one conflict decided. Taken from the last to the first: removing an item moves those behind it. */
function settle(value: JsonValue, conflict: MergeConflict, side: 'ours' | 'theirs'): JsonValue {
  return replaceAt(value, parsePointer(conflict.pointer), conflict[side]) as JsonValue;
}

function replaceAt(value: JsonValue, [part, ...rest]: readonly string[], wanted: Maybe): Maybe {
  if (part === undefined) return wanted;
  if (Array.isArray(value)) {
    const index = Number(part);
    const item = replaceAt(value[index] as JsonValue, rest, wanted);
    return [...value.slice(0, index), ...(item === undefined ? [] : [item]), ...value.slice(index + 1)];
  }
  if (!isObject(value)) return value;
  const members = Object.entries(value).flatMap(([key, member]): [string, JsonValue][] => {
    const next = key === part ? replaceAt(member, rest, wanted) : member;
    return next === undefined ? [] : [[key, next]];
  });
  return Object.fromEntries(members);
}
