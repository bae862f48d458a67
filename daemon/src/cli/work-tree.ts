/** Commits to a repository that somebody also works in by hand: their files and what they staged stay as they are. */
import { lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FileEdit } from '../ports.ts';
import { findAuthor } from './author.ts';
import type { CliContext } from './context.ts';
import { clean } from './output.ts';
import { runGit } from './run-git.ts';

/** @throws HeadwaterError `HW_WORK_TREE` when one of the files differs from the last commit, or leads through a link. */
export async function refuseUncommitted(
  workTree: string,
  paths: readonly string[],
  context: CliContext,
): Promise<void> {
  for (const path of paths) await refuseLinks(workTree, path);
  const args = [
    'status',
    '--porcelain=v1',
    '-z',
    '--untracked-files=all',
    '--ignored=matching',
    '--',
    ...paths,
  ];
  const status = await runGit(workTree, args, context);
  if (!status.ok) throw gitFailed('git status', status.stderr);
  const changed = status.stdout.split('\0').filter((line) => line !== '');
  if (changed.length === 0) return;
  throw new HeadwaterError('HW_WORK_TREE', {
    message: `${changed.map((line) => line.slice(3)).join(', ')} ${changed.length === 1 ? 'has' : 'have'} uncommitted changes`,
    hint: 'Commit them, or put them aside with `git stash`, then run the command again.',
    details: { paths: changed.map((line) => line.slice(3)) },
  });
}

/**
 * Writes the files and commits them and nothing else. When git refuses (a hook, a merge in progress) the
 * files are put back.
 * @throws HeadwaterError `HW_WORK_TREE` with git's own words.
 */
export async function commitInWorkTree(
  workTree: string,
  edits: readonly FileEdit[],
  message: string,
  context: CliContext,
): Promise<void> {
  const paths = edits.map((edit) => edit.path);
  const before = await Promise.all(paths.map((path) => readIfThere(join(workTree, path))));
  try {
    for (const { path, content } of edits) await place(join(workTree, path), content);
    const added = await runGit(workTree, ['add', '--', ...paths], context);
    if (!added.ok) throw gitFailed('git add', added.stderr);
    const commit = ['commit', '--quiet', '--only', '--message', message, '--', ...paths];
    const committed = await runGit(
      workTree,
      [...(await missingIdentity(workTree, context)), ...commit],
      context,
    );
    if (!committed.ok) throw gitFailed('git commit', committed.stderr || committed.stdout);
  } catch (error) {
    await Promise.all(paths.map((path, i) => place(join(workTree, path), before[i] ?? null)));
    // Best effort: on a branch without a commit there is nothing to reset to, and the reason to tell is the first one.
    await runGit(workTree, ['reset', '--quiet', '--', ...paths], context);
    throw error;
  }
}

/** Switches that name the user of this machine where git knows nobody, as on a fresh machine. */
async function missingIdentity(workTree: string, context: CliContext): Promise<string[]> {
  if ((await runGit(workTree, ['var', 'GIT_COMMITTER_IDENT'], context)).ok) return [];
  const { name, email } = await findAuthor(context, workTree);
  return ['-c', `user.name=${name}`, '-c', `user.email=${email}`];
}

async function place(file: string, content: Uint8Array | null): Promise<void> {
  if (content === null) return rm(file, { force: true });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function readIfThere(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A link in the repository could lead a write to any place of the machine. */
async function refuseLinks(workTree: string, path: string): Promise<void> {
  let at = workTree;
  for (const part of path.split('/')) {
    at = join(at, part);
    const info = await lstat(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (info === null) return;
    if (!info.isSymbolicLink()) continue;
    throw new HeadwaterError('HW_WORK_TREE', {
      message: `${path} leads through the symbolic link ${at}`,
      hint: 'Replace the link by a folder or file of its own.',
    });
  }
}

function gitFailed(step: string, stderr: string): HeadwaterError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return new HeadwaterError('HW_WORK_TREE', {
    message: `${step} failed: ${clean(lines.slice(0, 3).join(' · ')) || 'it gave no reason'}`,
    hint: 'Nothing was changed. Correct what git says and run the command again.',
  });
}
