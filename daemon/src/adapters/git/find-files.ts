import { createBreather } from '../../breather.ts';
import type { FileState, ObjectId } from '../../ports.ts';
import { entryAt, entryEnd, folderMode, textToName } from './tree.ts';
import type { ReadTree } from './tree-diff.ts';

/** Paths below one folder, by the name of their first part. */
type Wanted = Map<string, { path: string | null; below: Wanted }>;

/** What stands at some paths of a tree. Every folder on the way is read once, however many paths lead through it. */
export async function findFiles(
  readTree: ReadTree,
  root: ObjectId,
  paths: Iterable<string>,
): Promise<ReadonlyMap<string, FileState>> {
  const found = new Map<string, FileState>();
  const open = [{ tree: root, wanted: sortPaths(paths) }];
  const breathe = createBreather();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { tree, wanted } = next;
    const content = await readTree(tree);
    for (let at = 0; at < content.length; ) {
      const end = entryEnd(tree, content, at);
      // Only the name of what nobody asked for is looked at: a folder may have ten thousand entries.
      const asked = wanted.get(nameAt(tree, content, at, end));
      if (asked !== undefined) {
        const { mode, oid } = entryAt(tree, content, at, end);
        if (mode !== folderMode && asked.path !== null) found.set(asked.path, { mode, oid });
        else if (mode === folderMode && asked.below.size > 0) open.push({ tree: oid, wanted: asked.below });
      }
      at = end;
    }
    await breathe();
  }
  return found;
}

const nameAt = (tree: ObjectId, content: Buffer, at: number, end: number): string =>
  content.toString('latin1', content.indexOf(0x20, at) + 1, end - tree.length / 2 - 1);

function sortPaths(paths: Iterable<string>): Wanted {
  const root: Wanted = new Map();
  for (const path of paths) {
    let folder = root;
    const parts = path.split('/');
    parts.forEach((part, i) => {
      const name = textToName(part);
      const entry = folder.get(name) ?? { path: null, below: new Map() };
      folder.set(name, entry);
      if (i === parts.length - 1) entry.path = path;
      folder = entry.below;
    });
  }
  return root;
}
