import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitRepository } from './open-repository.ts';

/**
 * True when somebody works in a checked-out copy of the branch: the work tree of the repository, or a linked one. Moving the branch
 * would leave their files behind, and their next commit would take the move back. Read anew every time: people switch branches.
 */
export async function isCheckedOut(repo: GitRepository, ref: string): Promise<boolean> {
  const main = repo.bare ? [] : [join(repo.commonDir, 'HEAD')];
  for (const head of [...main, ...(await linkedHeads(repo))])
    if ((await readIfThere(head)).trim() === `ref: ${ref}`) return true;
  return false;
}

/** `git worktree add` keeps a folder for each below "worktrees". */
async function linkedHeads({ commonDir }: GitRepository): Promise<string[]> {
  const folder = join(commonDir, 'worktrees');
  try {
    return (await readdir(folder)).map((name) => join(folder, name, 'HEAD'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
