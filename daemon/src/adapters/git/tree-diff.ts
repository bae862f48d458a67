import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FileState, ObjectId, TreeChange, TreeEntry } from '../../ports.ts';
import { entryAt, entryEnd, folderMode, nameToText, parseTree, type TreeItem } from './tree.ts';

/** Content of a tree object by id. */
export type ReadTree = (oid: ObjectId) => Buffer | Promise<Buffer>;

/** More files and folders than any config repository has: a tree that names itself many times over must not fill the memory. */
export const maxListedFiles = 250_000;

/** Same reason: git itself refuses trees deeper than this. */
const maxTreeDepth = 2048;

/** So many folders are read at once: where a child process answers, the reads overlap. */
const foldersAtOnce = 64;

interface FolderPair {
  readonly prefix: string;
  readonly depth: number;
  readonly a: ObjectId | null;
  readonly b: ObjectId | null;
}

/** Paths that differ between two trees (`null` = empty), sorted. Only folders whose ids differ are read. */
export async function diffTrees(
  readTree: ReadTree,
  from: ObjectId | null,
  to: ObjectId | null,
): Promise<TreeChange[]> {
  const changes: TreeChange[] = [];
  const open: FolderPair[] = from === to ? [] : [{ prefix: '', depth: 0, a: from, b: to }];
  const breathe = createBreather();
  let folders = 0;
  while (open.length > 0) {
    const batch = open.splice(-foldersAtOnce);
    const reads = batch.map(({ a, b }) => bothTrees(readTree, a, b));
    const trees = await Promise.all(reads);
    for (const [i, pair] of batch.entries()) {
      const [before, after] = trees[i] ?? [nothing, nothing];
      for (const { name, left, right } of differences(pair.a, before, pair.b, after)) {
        const path = pair.prefix + nameToText(name);
        const a = left?.mode === folderMode ? left.oid : null;
        const b = right?.mode === folderMode ? right.oid : null;
        const fileBefore = left === null || a !== null ? null : state(left);
        const fileAfter = right === null || b !== null ? null : state(right);
        if (fileBefore !== null || fileAfter !== null)
          changes.push({ path, from: fileBefore, to: fileAfter });
        if (a !== b) {
          folders++;
          open.push({ prefix: `${path}/`, depth: pair.depth + 1, a, b });
        }
        guard(changes.length + folders, pair.depth);
      }
    }
    await breathe(batch.length);
  }
  return sortByPath(changes);
}

/** One order for every reader, whatever order the reads came back in. Sorts in place. */
export function sortByPath(changes: TreeChange[]): TreeChange[] {
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** Every file below a tree, in git's order. */
export async function listTree(readTree: ReadTree, root: ObjectId): Promise<TreeEntry[]> {
  const files: TreeEntry[] = [];
  const breathe = createBreather();
  let folders = 0;
  const visit = async (prefix: string, depth: number, oid: ObjectId) => {
    guard(files.length + folders++, depth);
    await breathe(1);
    for (const item of parseTree(oid, await readTree(oid))) {
      const path = prefix + nameToText(item.name);
      if (item.mode === folderMode) await visit(`${path}/`, depth + 1, item.oid);
      else files.push({ path, mode: item.mode, oid: item.oid });
    }
  };
  await visit('', 0, root);
  return files;
}

/** Refuses to go on with a tree that is out of all proportion. @throws HeadwaterError `HW_FILE_TOO_LARGE`. */
export function guard(files: number, depth = 0): void {
  if (files <= maxListedFiles && depth <= maxTreeDepth) return;
  throw new HeadwaterError('HW_FILE_TOO_LARGE', {
    message:
      depth > maxTreeDepth
        ? `a tree is nested more than ${maxTreeDepth} folders deep`
        : `a tree lists more than ${maxListedFiles} files and folders`,
    hint: 'Revert the commit that added these folders.',
  });
}

/** Reads in process never wait, so a large tree would keep everything else waiting. */
function createBreather(): (folders: number) => Promise<void> | undefined {
  let since = 0;
  return (folders) => {
    since += folders;
    if (since < 4 * foldersAtOnce) return undefined;
    since = 0;
    return new Promise((resolve) => setImmediate(resolve));
  };
}

interface Difference {
  readonly name: string;
  readonly left: TreeItem | null;
  readonly right: TreeItem | null;
}

const nothing = Buffer.alloc(0);

async function bothTrees(readTree: ReadTree, a: ObjectId | null, b: ObjectId | null) {
  const left = a === null ? nothing : readTree(a);
  const right = b === null ? nothing : readTree(b);
  return [await left, await right] as const;
}

/**
 * Entries that are not the same on both sides. Walks both buffers side by side without making objects of equal entries, then
 * pairs what is left by name: a file that became a folder sorts elsewhere, and a hostile tree need not be sorted at all.
 */
function differences(a: ObjectId | null, before: Buffer, b: ObjectId | null, after: Buffer): Difference[] {
  const removed: TreeItem[] = [];
  const added: TreeItem[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const iEnd = i < before.length ? entryEnd(a ?? '', before, i) : i;
    const jEnd = j < after.length ? entryEnd(b ?? '', after, j) : j;
    if (iEnd - i === jEnd - j && before.compare(after, j, jEnd, i, iEnd) === 0) {
      i = iEnd;
      j = jEnd;
      continue;
    }
    const left = i < before.length ? entryAt(a ?? '', before, i, iEnd) : null;
    const right = j < after.length ? entryAt(b ?? '', after, j, jEnd) : null;
    const order = left === null ? 1 : right === null ? -1 : compareNames(left, right);
    if (order <= 0 && left !== null) {
      removed.push(left);
      i = iEnd;
    }
    if (order >= 0 && right !== null) {
      added.push(right);
      j = jEnd;
    }
  }
  return pairByName(removed, added);
}

function pairByName(removed: readonly TreeItem[], added: readonly TreeItem[]): Difference[] {
  const waiting = new Map<string, TreeItem[]>();
  for (const item of removed) {
    const same = waiting.get(item.name);
    if (same === undefined) waiting.set(item.name, [item]);
    else same.push(item);
  }
  const found: Difference[] = [];
  for (const right of added) {
    const left = waiting.get(right.name)?.shift() ?? null;
    if (left?.mode !== right.mode || left.oid !== right.oid) found.push({ name: right.name, left, right });
  }
  for (const items of waiting.values()) {
    for (const left of items) found.push({ name: left.name, left, right: null });
  }
  return found;
}

function compareNames(a: TreeItem, b: TreeItem): number {
  const left = a.mode === folderMode ? `${a.name}/` : a.name;
  const right = b.mode === folderMode ? `${b.name}/` : b.name;
  return left < right ? -1 : left > right ? 1 : 0;
}

function state(item: TreeItem): FileState {
  return { mode: item.mode, oid: item.oid };
}
