import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeEmptyFolder } from './durable-fs.ts';

/**
 * Removes `path` if it is a folder with nothing but empty folders below: what is left of branches that were packed or deleted,
 * and in the way of a branch of that name.
 */
export async function removeEmptyFolders(path: string): Promise<void> {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch {
    // A file, or nothing: the usual case.
    return;
  }
  for (const entry of entries) {
    if (entry.isDirectory()) await removeEmptyFolders(join(path, entry.name));
  }
  await removeEmptyFolder(path);
}
