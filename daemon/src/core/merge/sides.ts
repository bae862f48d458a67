import { equalValues, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/** A value, or nothing at all: "absent" is a value of its own. */
export type Maybe = JsonValue | undefined;

/** What a three-way merge looks at. */
export interface Sides {
  /** What both sides started from. */
  readonly base: Maybe;
  readonly ours: Maybe;
  readonly theirs: Maybe;
}

/** A place that both sides changed, each in its own way. A side without a member has nothing there. */
export interface MergeConflict {
  /** JSON Pointer into the merged value; "" is the whole document. */
  readonly pointer: string;
  readonly base?: JsonValue;
  readonly ours?: JsonValue;
  readonly theirs?: JsonValue;
}

export interface Merged {
  /** At a conflict it holds ours, or theirs where ours has nothing: every conflict's pointer leads somewhere. */
  readonly value: Maybe;
  /** In the order of the merged value. */
  readonly conflicts: readonly MergeConflict[];
}

export function isSame(a: Maybe, b: Maybe): boolean {
  return a === undefined || b === undefined ? a === b : equalValues(a, b);
}

/** Own members only. */
export function memberOf(object: JsonObject, key: string): Maybe {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function conflictAt(pointer: string, { base, ours, theirs }: Sides): MergeConflict {
  return {
    pointer,
    ...(base === undefined ? {} : { base }),
    ...(ours === undefined ? {} : { ours }),
    ...(theirs === undefined ? {} : { theirs }),
  };
}
