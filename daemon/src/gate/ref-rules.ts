/** Which refs people may move, whatever the commits say. */
import type { RefUpdate } from './push.ts';
import type { PushProblem } from './push-problem.ts';

/** Branches that are judged when they are merged, not when they are pushed. */
export const proposalPrefix = 'refs/heads/proposals/';

/** Kept by Headwater itself. */
const ownPrefix = 'refs/headwater/';

const openPrefixes: readonly string[] = ['refs/heads/', 'refs/tags/', 'refs/notes/'];

/** Why this ref may not be moved, or `null`. @param followed Full name of the branch that the daemon follows. */
export function refProblem({ ref, to }: RefUpdate, followed: string): PushProblem | null {
  const branch = followed.replace(/^refs\/heads\//, '');
  if (ref.startsWith(ownPrefix)) {
    return refused(
      ref,
      `${ownPrefix} is written by Headwater alone`,
      `Push your commits to a branch: git push origin HEAD:${branch}`,
    );
  }
  if (!openPrefixes.some((prefix) => ref.startsWith(prefix))) {
    return refused(ref, 'only branches, tags and notes are taken', 'Push to a branch below refs/heads/.');
  }
  if (ref === followed && to === null) {
    return refused(
      ref,
      'this is the branch that Headwater follows; it cannot be deleted',
      'To undo what it holds, push a commit that does: git revert <commit>',
    );
  }
  // Where the file system ignores case, both would be one file.
  if (ref !== followed && ref.toLowerCase() === followed.toLowerCase()) {
    return refused(ref, `it differs from ${branch} by case alone`, 'Choose another name for the branch.');
  }
  return null;
}

function refused(ref: string, message: string, hint: string): PushProblem {
  return { code: 'HW_REF_FORBIDDEN', place: ref, envs: [], message, hint };
}
