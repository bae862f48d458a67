/**
 * Whether a push continues the line that is followed. Epochs lie on first parents, so it is not enough that the old tip is somewhere
 * behind the new one: a merge of the followed branch *into* another line would make everything published a side line.
 */
import type { CommitId } from '../ports.ts';
import type { RefUpdate } from './push.ts';
import type { PushProblem } from './push-problem.ts';
import type { PushedObjects } from './pushed-objects.ts';

export interface LineVerdict {
  /** Commit that the push is judged against; `null` = nothing was there. */
  readonly base: CommitId | null;
  /** New commits by first parents, newest first. */
  readonly commits: readonly CommitId[];
  readonly problem: PushProblem | null;
}

/**
 * @param update Of the followed branch, not a deletion.
 * @param followed Commit that the daemon follows, `null` before the first. Differs from the tip while the daemon catches up, and for good
 *   after something rewrote the branch past the gate: then a push may lead back.
 */
export async function judgeLine(
  { ref, from, to }: RefUpdate & { readonly to: CommitId },
  followed: CommitId | null,
  objects: PushedObjects,
): Promise<LineVerdict> {
  const wasRewritten =
    from !== null && followed !== null && from !== followed && !(await leadsTo(from, followed, objects));
  const base = wasRewritten ? followed : (from ?? followed);
  const commits = await objects.firstParentsSince(to, base);
  if (base === null || (await continues(commits, base, to, objects))) return { base, commits, problem: null };
  const branch = ref.replace(/^refs\/heads\//, '');
  if (wasRewritten) return { base, commits, problem: notFollowed(ref, branch, followed as CommitId) };
  const isMerged = await objects.isAncestor(base, to);
  return { base, commits, problem: isMerged ? becomesSideLine(ref, branch) : leavesOut(ref, branch, base) };
}

async function leadsTo(tip: CommitId, base: CommitId, objects: PushedObjects): Promise<boolean> {
  return continues(await objects.firstParentsSince(tip, base), base, tip, objects);
}

async function continues(
  commits: readonly CommitId[],
  base: CommitId,
  tip: CommitId,
  objects: PushedObjects,
): Promise<boolean> {
  const oldest = commits.at(-1);
  if (oldest === undefined) return tip === base;
  const [parent] = (await objects.reader.readCommit(oldest)).parents;
  return parent === base;
}

function becomesSideLine(place: string, branch: string): PushProblem {
  return {
    code: 'HW_NOT_FAST_FORWARD',
    place,
    envs: [],
    message: `you merged ${branch} into your own line, so everything that is published would become a side line`,
    hint: `Put your commits on top instead, then push: git pull --rebase origin ${branch}`,
  };
}

function leavesOut(place: string, branch: string, base: CommitId): PushProblem {
  return {
    code: 'HW_NOT_FAST_FORWARD',
    place,
    envs: [],
    message: `this would take commits off ${branch}: ${base.slice(0, 7)} is not part of what you pushed`,
    hint: `Put your commits on top: git pull --rebase origin ${branch}. To undo a commit, push its revert: git revert <commit>`,
  };
}

function notFollowed(place: string, branch: string, followed: CommitId): PushProblem {
  return {
    code: 'HW_HISTORY_REWRITTEN',
    place,
    envs: [],
    message: `${branch} was rewritten and is not followed any more; what is live comes from ${followed.slice(0, 7)}`,
    hint: `Put it back: git push --force origin ${followed.slice(0, 7)}:${branch}. If the rewrite was meant, an operator runs headwater epoch accept-rewrite.`,
  };
}
