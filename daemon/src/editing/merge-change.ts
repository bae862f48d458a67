/** One file of an edit: what becomes of it on the newest commit. Pure. */
import { equalValues, type JsonObject } from '@headwater/schemas/protocol';
import { newJson, rewriteJson } from '../core/json-text/rewrite-json.ts';
import { type MergeKeys, mergeValues } from '../core/merge/merge-values.ts';
import { conflictAt, type MergeConflict } from '../core/merge/sides.ts';
import type { FileConflict } from './edit.ts';
import type { FileVersion } from './read-version.ts';

/** Three versions of a JSON file; `isMoved` when the branch's is not the one that the author saw. */
export interface DocumentSides {
  readonly path: string;
  readonly base: FileVersion;
  readonly tip: FileVersion;
  readonly isMoved: boolean;
  /** `null`: the author removes the file. */
  readonly desired: JsonObject | null;
  /** The author's own text, whose spelling the result keeps. */
  readonly spelling?: string;
}

export type MergedFile =
  | { readonly kind: 'same' }
  | { readonly kind: 'written'; readonly content: Uint8Array | null }
  | { readonly kind: 'conflict'; readonly conflicts: readonly FileConflict[] };

/**
 * @param like Text whose style a new file takes.
 * @throws HeadwaterError `HW_JSON_*` when what the author wants is nothing that a file may hold.
 */
export function mergeChange(
  sides: DocumentSides,
  mergeKeys: MergeKeys,
  like: string | undefined,
): MergedFile {
  const { path, base, tip, isMoved, desired } = sides;
  if (!isMoved) return write(sides, desired, like);
  if (base.kind === 'unreadable' || tip.kind === 'unreadable') {
    if (tip.kind === 'document' && desired !== null && equalValues(tip.value, desired))
      return { kind: 'same' };
    return { kind: 'conflict', conflicts: [whole(sides)] };
  }
  // The sides change places, which changes no value: new settings shall follow the order of the branch's file.
  const { value, conflicts } = mergeValues(
    { base: documentOf(base), ours: documentOf(tip), theirs: desired ?? undefined },
    mergeKeys,
  );
  if (conflicts.length > 0) return { kind: 'conflict', conflicts: conflicts.map(swapped(path)) };
  return write(sides, (value as JsonObject | undefined) ?? null, like);
}

const swapped =
  (file: string) =>
  ({ ours, theirs, ...rest }: MergeConflict): FileConflict => ({
    file,
    ...rest,
    ...(theirs === undefined ? {} : { ours: theirs }),
    ...(ours === undefined ? {} : { theirs: ours }),
  });

/** Bytes that cannot be merged. @param isSame The branch has them already. */
export function takeBytes(
  path: string,
  isMoved: boolean,
  isSame: boolean,
  content: Uint8Array | null,
): MergedFile {
  if (isSame) return { kind: 'same' };
  return isMoved
    ? { kind: 'conflict', conflicts: [{ file: path, pointer: '' }] }
    : { kind: 'written', content };
}

function write(
  { tip, spelling }: DocumentSides,
  wanted: JsonObject | null,
  like: string | undefined,
): MergedFile {
  if (wanted === null) return tip.kind === 'absent' ? { kind: 'same' } : { kind: 'written', content: null };
  if (tip.kind === 'document' && equalValues(tip.value, wanted)) return { kind: 'same' };
  const text =
    tip.kind === 'document' ? rewriteJson(tip.text, wanted, spelling) : newJson(wanted, like, spelling);
  return { kind: 'written', content: Buffer.from(text) };
}

/** Nothing smaller can be said when a version cannot be read. */
function whole({ path, base, tip, desired }: DocumentSides): FileConflict {
  const sides = { base: documentOf(base), ours: desired ?? undefined, theirs: documentOf(tip) };
  return { file: path, ...conflictAt('', sides) };
}

const documentOf = (version: FileVersion): JsonObject | undefined =>
  version.kind === 'document' ? version.value : undefined;
