/** All files of an edit, merged onto the newest commit. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { createBreather } from '../breather.ts';
import { noMergeKeys } from '../core/merge/merge-values.ts';
import type { CommitId, FileEdit, FileState, ObjectId, TreeChange } from '../ports.ts';
import type { FileChange, FileConflict } from './edit.ts';
import { type MergedFile, mergeChange, takeBytes } from './merge-change.ts';
import type { MergeDeps } from './merge-deps.ts';
import { createNeighbours, type Neighbours } from './neighbours.ts';
import { parseVersion, readVersion } from './read-version.ts';

export interface MergedEdit {
  readonly edits: readonly FileEdit[];
  /** The same as changes of the tip's tree. */
  readonly changes: readonly TreeChange[];
  /** New blobs by id. */
  readonly blobs: ReadonlyMap<ObjectId, Uint8Array>;
  readonly conflicts: readonly FileConflict[];
  /** True when a written file was not the one that the author saw. */
  readonly merged: boolean;
}

/** @throws HeadwaterError `HW_REQUEST_INVALID` for a path that occurs twice; `HW_JSON_*`; as the reader. */
export async function mergeFiles(
  files: readonly FileChange[],
  base: CommitId | null,
  tip: CommitId,
  deps: MergeDeps,
): Promise<MergedEdit> {
  const paths = pathsOf(files);
  const neighbours = createNeighbours(tip, paths, deps);
  const atTip = await filesAt(tip, paths, deps);
  const atBase = base === tip ? atTip : await filesAt(base, paths, deps);
  const breathe = createBreather();
  const edits: FileEdit[] = [];
  const changes: TreeChange[] = [];
  const conflicts: FileConflict[] = [];
  const blobs = new Map<ObjectId, Uint8Array>();
  let merged = false;
  for (const change of files) {
    await breathe();
    const { path } = change;
    const versions = versionsOf(atBase.get(path), atTip.get(path));
    const result = await mergeFile(change, versions, neighbours, deps);
    if (result.kind === 'conflict') conflicts.push(...result.conflicts);
    if (result.kind !== 'written') continue;
    merged ||= versions.isMoved;
    const { content } = result;
    edits.push({ path, content });
    changes.push({ path, from: versions.now ?? null, to: place(content, versions.now, blobs, deps) });
  }
  return { edits, changes, blobs, conflicts, merged };
}

interface Versions {
  readonly before: FileState | undefined;
  readonly now: FileState | undefined;
  /** The branch's file is not the one that the author saw. */
  readonly isMoved: boolean;
}

const versionsOf = (before: FileState | undefined, now: FileState | undefined): Versions => ({
  before,
  now,
  isMoved: before?.oid !== now?.oid || before?.mode !== now?.mode,
});

async function mergeFile(
  change: FileChange,
  { before, now, isMoved }: Versions,
  neighbours: Neighbours,
  deps: MergeDeps,
): Promise<MergedFile> {
  const { path } = change;
  const own = change.kind === 'file' && change.content !== null ? parseVersion(change.content) : null;
  if (change.kind === 'bytes' || (change.kind === 'file' && (!isMoved || own?.kind === 'unreadable')))
    return takeBytes(path, isMoved, isThere(change.content, now, deps), change.content);
  const atTip = await readVersion(now, deps.readBlob);
  const atBase = isMoved ? await readVersion(before, deps.readBlob) : atTip;
  const [desired, spelling] =
    own?.kind === 'document'
      ? [own.value, own.text]
      : [change.kind === 'json' ? change.desired : null, undefined];
  return mergeChange(
    { path, base: atBase, tip: atTip, isMoved, desired, ...(spelling === undefined ? {} : { spelling }) },
    isMoved ? await neighbours.mergeKeys(path, [atBase, atTip], desired) : noMergeKeys,
    atTip.kind !== 'document' && desired !== null ? await neighbours.style(path) : undefined,
  );
}

/** A link in the place of a file is never the file that is wanted, whatever it says. */
function isThere(content: Uint8Array | null, now: FileState | undefined, { hashBlob }: MergeDeps): boolean {
  if (content === null || now === undefined) return content === null && now === undefined;
  return now.mode.startsWith('100') && now.oid === hashBlob(content);
}

/** What the commit writer will make of it. */
function place(
  content: Uint8Array | null,
  now: FileState | undefined,
  blobs: Map<ObjectId, Uint8Array>,
  { hashBlob }: MergeDeps,
): FileState | null {
  if (content === null) return null;
  const oid = hashBlob(content);
  blobs.set(oid, content);
  return { mode: now?.mode === '100755' ? '100755' : '100644', oid };
}

async function filesAt(
  commit: CommitId | null,
  paths: Iterable<string>,
  { reader }: MergeDeps,
): Promise<ReadonlyMap<string, FileState>> {
  return commit === null ? new Map() : reader.findFiles(commit, paths);
}

function pathsOf(files: readonly FileChange[]): ReadonlySet<string> {
  const paths = new Set(files.map(({ path }) => path));
  if (paths.size === files.length) return paths;
  throw new HeadwaterError('HW_REQUEST_INVALID', {
    message: 'a file is changed twice in one edit',
    hint: 'Put all changes of a file into one.',
  });
}
