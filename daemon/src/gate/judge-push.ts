/** What a push would do: the questions that the gate asks, in the order in which the answers matter. */
import { realpath } from 'node:fs/promises';
import { allowedRemovals } from '../epochs/removal-guard.ts';
import type { CommitId, TreeChange } from '../ports.ts';
import type { CandidateJudge } from './candidate-judge.ts';
import { judgeLine } from './line-rule.ts';
import type { Push, RefUpdate } from './push.ts';
import { authorityProblems } from './push-authority.ts';
import { objectProblems } from './push-contents.ts';
import { type FollowedState, policyProblems } from './push-policy.ts';
import { type PushProblem, problemsOf } from './push-problem.ts';
import type { Pusher } from './push-tickets.ts';
import type { PushedObjects } from './pushed-objects.ts';
import { refProblem } from './ref-rules.ts';

export interface PushJudgeDeps {
  /** Folder of the repository that pushes must be for. */
  readonly repository: string;
  /** Full name of the branch that is followed. */
  readonly branch: string;
  readonly followed: FollowedState;
  readonly judge: CandidateJudge;
  readonly open: (quarantine: string | null) => PushedObjects;
}

export interface PushVerdict {
  /** Reasons to refuse; without one the push may come in. */
  readonly problems: readonly PushProblem[];
  readonly warnings: readonly PushProblem[];
}

/**
 * @param push `null`: the question could not be read. @param pusher `null`: nobody knows who pushes.
 * Rejects when `signal` is aborted, and with what makes an object unreadable.
 */
export async function judgePush(
  deps: PushJudgeDeps,
  push: Push | null,
  pusher: Pusher | null,
  signal: AbortSignal,
): Promise<PushVerdict> {
  signal.throwIfAborted();
  if (push === null) return refusal(strange('the hook of this repository is of another version'));
  if ((await realpath(push.repository)) !== (await realpath(deps.repository)))
    return refusal(strange(`the daemon follows another repository than ${push.repository}`));
  if (push.ticket !== null && pusher === null)
    return refusal(strange('the request that this push belongs to has ended'));
  const refs = push.updates.flatMap((update) => refProblem(update, deps.branch) ?? []);
  if (refs.length > 0) return { problems: refs, warnings: [] };

  const objects = deps.open(push.quarantine);
  try {
    const update = push.updates.find(({ ref }) => ref === deps.branch);
    const tips = push.updates.flatMap(({ from, to }) => (to === null ? [] : [{ from, to }]));
    const contents = await objectProblems(objects, tips, signal);
    if (contents.length > 0 || update?.to === undefined || update.to === null)
      return { problems: contents, warnings: [] };
    return await judgeFollowed(deps, { ...update, to: update.to }, pusher, objects);
  } finally {
    await objects.close();
  }
}

async function judgeFollowed(
  deps: PushJudgeDeps,
  update: RefUpdate & { readonly to: CommitId },
  pusher: Pusher | null,
  objects: PushedObjects,
): Promise<PushVerdict> {
  const { base, commits, problem } = await judgeLine(update, deps.followed.commit, objects);
  if (problem) return refusal(problem);
  const changes = await objects.reader.diff(base, update.to);
  const verdict = await deps.judge.judge({
    base,
    changes,
    message: await trailersFor(commits, changes, objects),
    blobs: (oid, maxBytes) => objects.reader.readBlob(oid, maxBytes),
  });
  const policy = await policyProblems({ base, to: update.to, changes, verdict }, { ...deps, objects });
  const problems = [...policy.problems, ...problemsOf(verdict.problems)];
  problems.push(...irregularFiles(changes, problems));
  if (pusher) problems.push(...authorityProblems(pusher.token, verdict, changes));
  return { problems, warnings: [...policy.warnings, ...problemsOf(verdict.warnings)] };
}

/** The messages of all pushed commits count as one: any of them may allow that services disappear. */
async function trailersFor(
  commits: readonly CommitId[],
  changes: readonly TreeChange[],
  objects: PushedObjects,
): Promise<string> {
  // A long history takes a while to read, and only removals ask for its messages.
  if (!changes.some(({ to }) => to === null)) return '';
  let allowed = 0;
  for (const commit of commits)
    allowed = Math.max(allowed, allowedRemovals((await objects.reader.readCommit(commit)).message));
  return `\n\nHeadwater-Allow-Removal: ${allowed}`;
}

/** Links and submodules are config nowhere; outside the folders that are judged nobody else would say so. */
function irregularFiles(changes: readonly TreeChange[], known: readonly PushProblem[]): PushProblem[] {
  const told = new Set(known.map(({ place }) => place));
  return changes.flatMap(({ path, to }): PushProblem[] => {
    if (to === null || told.has(path) || /^100(644|755)$/.test(to.mode)) return [];
    const what = to.mode === '120000' ? 'a symbolic link' : 'a submodule';
    const hint = 'Commit a regular file, or remove it.';
    return [
      {
        code: 'HW_FILE_MODE',
        place: path,
        envs: [],
        message: `it is ${what}; expected a regular file`,
        hint,
      },
    ];
  });
}

export function refusal(problem: PushProblem): PushVerdict {
  return { problems: [problem], warnings: [] };
}

function strange(message: string): PushProblem {
  const hint = 'Restart the daemon of this repository; it renews the hook. Then push again.';
  return { code: 'HW_GATE_CLOSED', place: 'this push', envs: [], message, hint };
}
