import { HeadwaterError } from '@headwater/schemas/protocol';
import { createBreather } from '../../breather.ts';
import type { SignCommit } from '../../core/signatures/commit-signer.ts';
import { addSignature } from '../../core/signatures/signed-commit.ts';
import type { CommitWriter, FileEdit, ObjectId, RefStore } from '../../ports.ts';
import { checkEditPath } from './edit-path.ts';
import { encodeCommit } from './git-objects.ts';
import type { GitObjectReader } from './object-reader-base.ts';
import { createObjectBatch, type ObjectBatch } from './object-writer.ts';
import type { GitRepository } from './open-repository.ts';
import { encodeTree, folderMode, nameToText, parseTree, type TreeItem, textToName } from './tree.ts';

export interface CommitWriterOptions {
  /** Signs every commit. Default: none is signed. */
  readonly sign?: SignCommit;
}

/**
 * Makes commits without a work tree or an index. Only the folders on the way to an edited file are rewritten; entries that are
 * not edited stay byte for byte, whatever they are. Throws `HW_NAME_INVALID` for a path that git would not check out or that
 * runs through a file; else as the port says.
 */
export function createCommitWriter(
  repo: GitRepository,
  reader: GitObjectReader,
  refs: RefStore,
  options: CommitWriterOptions = {},
): CommitWriter {
  return {
    async commit(request) {
      const parent = request.expected;
      const base = parent === null ? null : (await reader.readCommit(parent)).tree;
      const batch = createObjectBatch(repo);
      const splice = { reader, batch, breathe: createBreather() };
      const edits = await planEdits(request.edits, splice.breathe);
      const tree = (await spliceTree(splice, base, edits, '')) ?? batch.add('tree', Buffer.alloc(0));
      const { message } = request;
      const payload = encodeCommit({
        tree,
        parents: [...(parent === null ? [] : [parent]), ...(request.extraParents ?? [])],
        author: request.author,
        committer: request.committer,
        message: typeof message === 'string' ? message : message(tree),
      });
      const signature = options.sign?.(payload);
      const id = batch.add('commit', signature === undefined ? payload : addSignature(payload, signature));
      // Objects first: a ref must never name what a power cut could take away.
      await batch.write();
      await refs.compareAndSwap(request.ref, parent, id);
      return id;
    },
  };
}

/** What one commit is made with. */
interface Splice {
  readonly reader: GitObjectReader;
  readonly batch: ObjectBatch;
  readonly breathe: () => Promise<void> | undefined;
}

/** New content of a file, `null` = remove it, or edits below a folder. */
type Edit = Uint8Array | null | FolderEdits;

interface FolderEdits {
  readonly entries: Map<string, Edit>;
  /** A file of the folder's name is removed by the same request, so the folder may take its place. */
  replacesFile: boolean;
}

async function planEdits(edits: readonly FileEdit[], breathe: Splice['breathe']): Promise<FolderEdits> {
  const root: FolderEdits = { entries: new Map(), replacesFile: false };
  for (const { path, content } of edits) {
    await breathe();
    const parts = checkEditPath(path);
    const file = textToName(parts.pop() ?? '');
    let folder = root;
    for (const part of parts) {
      const name = textToName(part);
      const there = folder.entries.get(name);
      if (there instanceof Uint8Array) throw clash(path);
      const next = there ?? { entries: new Map(), replacesFile: there === null };
      folder.entries.set(name, next);
      folder = next;
    }
    const there = folder.entries.get(file);
    if (!isFolder(there)) folder.entries.set(file, content);
    else if (content === null) there.replacesFile = true;
    else throw clash(path);
  }
  return root;
}

/** Applies edits to a tree and returns the id of the new one, `null` when nothing is left in it. */
async function spliceTree(
  splice: Splice,
  base: ObjectId | null,
  edits: FolderEdits,
  prefix: string,
): Promise<ObjectId | null> {
  const { reader, batch, breathe } = splice;
  await breathe();
  const before = base === null ? [] : parseTree(base, await reader.readTree(base));
  const items: TreeItem[] = before.filter((item) => !edits.entries.has(item.name));
  // Of a name that a hostile tree holds twice the first counts, as before.
  const edited = new Map<string, TreeItem>();
  for (const item of before)
    if (edits.entries.has(item.name) && !edited.has(item.name)) edited.set(item.name, item);
  for (const [name, edit] of edits.entries) {
    const old = edited.get(name);
    const path = prefix + nameToText(name);
    if (isFolder(edit)) {
      const item = await spliceFolder(splice, old, edit, path);
      if (item !== null) items.push({ ...item, name });
    } else if (old?.mode === folderMode) {
      // Removing a file where a folder stands removes nothing; writing one there would remove all below.
      if (edit !== null) throw clash(path);
      items.push(old);
    } else if (edit !== null) {
      // A link or a submodule in the place of a file is replaced by a plain file, never followed.
      items.push({ mode: old?.mode === '100755' ? '100755' : '100644', name, oid: batch.add('blob', edit) });
    }
  }
  return items.length === 0 ? null : batch.add('tree', encodeTree(items));
}

async function spliceFolder(
  splice: Splice,
  old: TreeItem | undefined,
  edits: FolderEdits,
  path: string,
): Promise<Omit<TreeItem, 'name'> | null> {
  const oldFile = old !== undefined && old.mode !== folderMode ? old : null;
  const below = oldFile === null ? (old?.oid ?? null) : null;
  const oid = await spliceTree(splice, below, edits, `${path}/`);
  if (oldFile === null || edits.replacesFile) return oid === null ? null : { mode: folderMode, oid };
  if (oid !== null) throw clash(path);
  return oldFile;
}

function isFolder(edit: Edit | undefined): edit is FolderEdits {
  return edit !== undefined && edit !== null && !(edit instanceof Uint8Array);
}

function clash(path: string): HeadwaterError {
  return new HeadwaterError('HW_NAME_INVALID', {
    message: `${JSON.stringify(path)} would be a file and a folder at once`,
    hint: 'Choose another path, or remove what stands there in the same commit.',
    details: { path },
  });
}
