import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../durable-fs.ts';
import type { GitRepository } from '../open-repository.ts';

/**
 * Makes the names of objects that git wrote survive power loss: git waits for the disk with every file, but not with the folders
 * that name them. @param since Wall clock, milliseconds: folders that did not change after it are left alone.
 */
export async function syncObjectFolders(repo: GitRepository, since: number): Promise<void> {
  const objects = join(repo.commonDir, 'objects');
  const names = (await readdir(objects)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  // Clocks of file systems are coarse.
  const limit = since - 1_000;
  for (const folder of [...names.map((name) => join(objects, name)), join(objects, 'pack'), objects]) {
    const info = await stat(folder);
    if (info.mtimeMs >= limit) await syncFolder(folder);
  }
}
