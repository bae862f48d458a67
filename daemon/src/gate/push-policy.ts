/**
 * What the policy in force asks of a push to the followed branch. Both rules are judged again when the commit is read; asking here tells the
 * pusher before anything waits.
 */
import type { Policy } from '../core/policy.ts';
import { verifyCommit } from '../core/signatures/verify-commit.ts';
import type { CommitId, TreeChange } from '../ports.ts';
import type { CandidateJudge, CandidateVerdict } from './candidate-judge.ts';
import { protectedReach } from './protected-reach.ts';
import type { PushProblem } from './push-problem.ts';
import type { PushedObjects } from './pushed-objects.ts';

/** Where the daemon stands on the followed branch. */
export interface FollowedState {
  /** Newest commit that it followed; `null` before the first. */
  readonly commit: CommitId | null;
  /** Policy in force for the commit after it. */
  readonly policy: Policy;
  /** Commit whose config is live in an environment; `null` = none. */
  liveCommit(env: string): CommitId | null;
}

export interface PushedChange {
  readonly base: CommitId | null;
  readonly to: CommitId;
  readonly changes: readonly TreeChange[];
  readonly verdict: CandidateVerdict;
}

interface Deps {
  readonly judge: CandidateJudge;
  readonly followed: FollowedState;
  readonly objects: PushedObjects;
}

export async function policyProblems(
  change: PushedChange,
  deps: Deps,
): Promise<{ readonly problems: readonly PushProblem[]; readonly warnings: readonly PushProblem[] }> {
  const reached = await protectedProblem(change, deps);
  const signature = await signatureProblem(change.to, deps);
  const isRequired = deps.followed.policy.signedCommits === 'require';
  return {
    problems: [...reached, ...(isRequired ? signature : [])],
    warnings: isRequired ? [] : signature,
  };
}

/** No push is an approval. What only takes back a change that nobody approved needs none. */
async function protectedProblem(change: PushedChange, deps: Deps): Promise<PushProblem[]> {
  const { followed } = deps;
  const reached: string[] = [];
  for (const env of protectedReach(followed.policy, change.changes, change.verdict)) {
    const live = followed.liveCommit(env);
    if (live === null || live === change.base || !(await isAsAt(live, env, change.to, deps)))
      reached.push(env);
  }
  if (reached.length === 0) return [];
  return [
    {
      code: 'HW_PROTECTED',
      place: 'this push',
      envs: reached,
      message: `it reaches ${reached.join(', ')}, where only approved changes count`,
      hint: 'Propose it: git push origin HEAD:refs/heads/proposals/<name>',
    },
  ];
}

/** True when an environment would be as it is at a commit. */
async function isAsAt(
  commit: CommitId,
  env: string,
  to: CommitId,
  { judge, followed, objects }: Deps,
): Promise<boolean> {
  const changes = await objects.reader.diff(commit, to);
  const blobs = (oid: string, maxBytes: number) => objects.reader.readBlob(oid, maxBytes);
  const verdict = await judge.judge({ base: commit, changes, blobs });
  return !protectedReach(followed.policy, changes, verdict).includes(env);
}

/** The newest commit vouches for all below it: its tree is what goes live. */
async function signatureProblem(
  to: CommitId,
  { followed: { policy }, objects }: Deps,
): Promise<PushProblem[]> {
  if (policy.signedCommits === 'off') return [];
  const commit = await objects.reader.readCommit(to);
  const verdict = verifyCommit(await objects.reader.readRawCommit(to), commit, policy.signers.signers);
  if (verdict.verified) return [];
  const { code, message, hint = '' } = verdict.problem;
  return [{ code, place: `commit ${to.slice(0, 7)}`, envs: [], message, hint }];
}
