/** One commit to a config repository, the safe way for its kind. */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { createCommitWriter } from '../adapters/git/commit-writer.ts';
import { upstreamOf } from '../adapters/git/mirror.ts';
import type { CommitId, FileEdit } from '../ports.ts';
import { findAuthor } from './author.ts';
import type { ConfigRepository } from './config-repository.ts';
import type { CliContext } from './context.ts';
import { commitInWorkTree, refuseUncommitted } from './work-tree.ts';

/**
 * Refuses what `commitFiles` would refuse, before anything else is done.
 * @throws HeadwaterError `HW_WORK_TREE`: files with uncommitted changes, or a work tree without native git; `HW_REPO_MIRROR`.
 */
export async function checkCommittable(
  repository: ConfigRepository,
  paths: readonly string[],
  context: CliContext,
): Promise<void> {
  const { workTree, capabilities, commonDir } = repository.git;
  const upstream = await upstreamOf(commonDir);
  if (upstream !== null) throw mirror(repository.path, upstream);
  if (workTree === null) return;
  if (capabilities.nativeGit === null) {
    throw new HeadwaterError('HW_WORK_TREE', {
      message: `${repository.path} has a work tree, and committing to one needs git, which is not installed`,
      hint: 'Install git, or use a bare repository.',
    });
  }
  await refuseUncommitted(workTree, paths, context);
}

/**
 * Commits `edits` on the repository's branch: into a bare one by compare-and-swap, into a work tree through git itself, which
 * runs hooks and leaves everything else that is staged alone.
 * @throws HeadwaterError as `checkCommittable`; `HW_REF_MOVED` when somebody else committed meanwhile, `HW_STORAGE_FAILED`.
 */
export async function commitFiles(
  repository: ConfigRepository,
  edits: readonly FileEdit[],
  message: string,
  context: CliContext,
): Promise<CommitId> {
  const { git, reader, refs, ref, tip } = repository;
  await checkCommittable(
    repository,
    edits.map((edit) => edit.path),
    context,
  );
  if (git.workTree !== null) {
    await commitInWorkTree(git.workTree, edits, message, context);
    return (await refs.read(ref)) ?? missing(ref);
  }
  const author = await findAuthor(context, git.commonDir);
  const writer = createCommitWriter(git, reader, refs);
  try {
    return await writer.commit({ ref, expected: tip, edits, message, author, committer: author });
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_REF_MOVED')) throw error;
    throw new HeadwaterError('HW_REF_MOVED', {
      message: 'somebody else committed at the same moment; nothing was changed',
      hint: 'Run the command again.',
      cause: error,
    });
  }
}

function mirror(path: string, upstream: string): HeadwaterError {
  return new HeadwaterError('HW_REPO_MIRROR', {
    message: `${path} mirrors ${upstream}, and a commit made here would be overwritten`,
    hint: 'Give --repo a clone of that repository, and push the commit from there.',
  });
}

function missing(ref: string): never {
  throw new HeadwaterError('HW_BRANCH_MISSING', {
    message: `${ref} is gone right after a commit to it`,
    hint: 'Somebody removed the branch; look at `git reflog`.',
  });
}
