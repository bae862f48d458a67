/**
 * Changes of the daemon itself, each one commit on the followed branch: merge onto the newest commit, judge, commit by
 * compare-and-swap, again when somebody was faster. One change at a time, so only writers outside are raced.
 */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { CommitPlace } from '../epochs/place.ts';
import type { CandidateJudge, CandidateVerdict } from '../gate/candidate-judge.ts';
import { protectedReach } from '../gate/protected-reach.ts';
import type { Clock, CommitWriter } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { EditOutcome, Editor, EditRequest } from './edit.ts';
import { conflictError, invalidError, protectedError, unknownBase } from './edit-errors.ts';
import { editMessage } from './edit-message.ts';
import { changesOf, problemsOf } from './edit-verdict.ts';
import type { FollowedBranch } from './followed-branch.ts';
import type { MergeDeps } from './merge-deps.ts';
import { type MergedEdit, mergeFiles } from './merge-files.ts';
import { settlementOf } from './settlement.ts';

export interface EditorDeps extends MergeDeps {
  /** Full name of the followed branch. */
  readonly ref: string;
  readonly branch: FollowedBranch;
  readonly writer: CommitWriter;
  readonly judge: CandidateJudge;
  /** Who makes the commits; their author is whoever asked for them. */
  readonly committer: { readonly name: string; readonly email: string };
  readonly clock: Clock;
  /** Resolves after some milliseconds. */
  readonly wait: (ms: number) => Promise<unknown>;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The disk failed in the middle of a commit: what stands on it must be looked at before anything more is promised. */
  readonly onBroken?: (error: HeadwaterError) => void;
}

/**
 * How long races are run before the author hears of it: this many tries and this many milliseconds, whichever ends later. Whoever lost
 * begins anew at once: the winner still has to tell its author, which makes the next race ours more often than not.
 */
const minAttempts = 10;
const minRaceMs = 5_000;
/** Longest wait between tries. Its random length keeps several daemons that lost together out of step. */
const longestWaitMs = 10;

export function createEditor(deps: EditorDeps): Editor {
  const queue = new SerialQueue();
  /** After a failed sync nobody knows what the disk holds: nothing more is acknowledged until the next start looks. */
  let broken: HeadwaterError | null = null;

  function fail(error: HeadwaterError): void {
    // A full disk refuses one write and loses nothing.
    if (error.details.code === 'ENOSPC' || error.details.code === 'EDQUOT') return;
    broken = error;
    deps.onBroken?.(error);
  }

  async function commitOnce(request: EditRequest, isRetry: boolean): Promise<Committed | Unchanged> {
    const tip = await newestCommit(deps.branch, isRetry);
    const message = editMessage(request);
    const edit = await mergeOnto(tip, request, deps);
    if (edit.conflicts.length > 0) throw conflictError(edit.conflicts, tip, deps.branch.era);
    if (edit.edits.length === 0) return { tip, place: null };
    const verdict = await judgeEdit(edit, tip, message, deps);
    request.mayReach?.({ changes: edit.changes, affected: verdict.affected });
    if (verdict.problems.length > 0) throw invalidError(problemsOf(verdict.problems));
    checkPolicy(request, protectedReach(deps.branch.policy, edit.changes, verdict), deps.branch);
    const { approve } = request;
    const time = Math.floor(deps.clock.now() / 1000);
    const commit = await deps.writer.commit({
      ...{ ref: deps.ref, expected: tip.commit, edits: edit.edits },
      message: approve ? (tree) => editMessage(request, [approve({ parent: tip.commit, tree })]) : message,
      author: { ...request.actor, time },
      committer: { ...deps.committer, time },
    });
    return { tip, place: { commit, seq: tip.seq + 1 }, edit, verdict };
  }

  async function commitAgain(request: EditRequest): Promise<Committed | Unchanged> {
    const start = deps.clock.monotonic();
    for (let attempt = 1; ; attempt++) {
      if (broken !== null) throw broken;
      try {
        return await commitOnce(request, attempt > 1);
      } catch (error) {
        if (isHeadwaterError(error, 'HW_STORAGE_FAILED')) fail(error);
        if (!isHeadwaterError(error, 'HW_REF_MOVED')) throw error;
        if (attempt >= minAttempts && deps.clock.monotonic() - start >= minRaceMs) throw error;
        await deps.wait(deps.random() * Math.min(longestWaitMs, attempt - 1));
      }
    }
  }

  return {
    async commit(request) {
      const made = await queue.run(() => commitAgain(request));
      if (made.place === null) return unchanged(made.tip, deps.branch.era);
      // Beside the next change: the commit is safe already, this only tells what became of it.
      const changes = await changesOf(made.verdict);
      await deps.branch.follow({ refresh: false });
      return {
        epoch: { era: deps.branch.era, ...made.place },
        commit: made.place.commit,
        changed: true,
        merged: made.edit.merged,
        changes,
        ...settlementOf(made.place, changes, deps.branch),
      };
    },

    async preview(request) {
      const tip = await newestCommit(deps.branch, false);
      const edit = await mergeOnto(tip, request, deps);
      const verdict = await judgeEdit(edit, tip, editMessage(request), deps);
      request.mayReach?.({ changes: edit.changes, affected: verdict.affected });
      return {
        changes: await changesOf(verdict),
        problems: problemsOf(verdict.problems),
        warnings: problemsOf(verdict.warnings),
        conflicts: edit.conflicts,
        merged: edit.merged,
        changed: edit.edits.length > 0,
        protected: protectedReach(deps.branch.policy, edit.changes, verdict),
      };
    },

    idle: () => queue.idle(),
  };
}

interface Committed {
  readonly tip: CommitPlace;
  readonly place: CommitPlace;
  readonly edit: MergedEdit;
  readonly verdict: CandidateVerdict;
}

/** Everything was like that already. */
interface Unchanged {
  readonly tip: CommitPlace;
  readonly place: null;
}

/** The commit to build on. It is what the daemon has read and accepted; the writer notices when the branch is further. */
async function newestCommit(branch: FollowedBranch, refresh: boolean): Promise<CommitPlace> {
  await branch.follow({ refresh });
  const refusal = await branch.refusal();
  if (refusal !== null) throw refusal;
  if (branch.at !== null) return branch.at;
  throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
    message: 'this daemon is still starting and has not read the branch yet',
    hint: 'Try again in a moment.',
  });
}

async function mergeOnto(tip: CommitPlace, request: EditRequest, deps: EditorDeps): Promise<MergedEdit> {
  const { base } = request;
  // Of another line, or of none: a conflict would show its author files that this branch never had.
  if (base !== null && deps.branch.placeOf(base) === null) throw unknownBase(base);
  return mergeFiles(request.files, base, tip.commit, deps);
}

function judgeEdit(
  edit: MergedEdit,
  tip: CommitPlace,
  message: string,
  { judge }: EditorDeps,
): Promise<CandidateVerdict> {
  return judge.judge({ base: tip.commit, changes: edit.changes, blobs: edit.blobs, message });
}

/** What only an approval may change needs one, and one is given only where nothing unapproved would ride along. */
function checkPolicy({ approve }: EditRequest, reached: readonly string[], branch: FollowedBranch): void {
  if (approve === undefined && reached.length > 0) throw protectedError(reached);
  const obstacle = branch.approvalObstacle;
  // The daemon signs what it commits: on top of a commit that nobody's signature covers, it would vouch for that, too.
  if (obstacle === null || (approve === undefined && obstacle.code === 'HW_UNAPPROVED')) return;
  const { code, message, hint } = obstacle;
  throw new HeadwaterError(code, {
    message: `nothing can be ${approve ? 'approved' : 'changed'} on top of this commit: ${message}`,
    hint,
  });
}

function unchanged(tip: CommitPlace, era: number): EditOutcome {
  const { commit } = tip;
  return { epoch: { era, ...tip }, commit, changed: false, merged: false, applied: {}, changes: [] };
}
