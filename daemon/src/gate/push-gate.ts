/**
 * The one gate for every push, however it comes: HTTP, ssh, the file system. It looks at a push before git takes it in, and answers
 * with what the pusher reads. What it refuses: refs that people do not write, secrets, a followed branch that would not go on from where
 * it is, errors that the branch does not have yet, and changes that the pusher may not make. When in doubt it refuses.
 */
import { realpath } from 'node:fs/promises';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { allowedRemovals } from '../epochs/removal-guard.ts';
import type { Log } from '../log.ts';
import type { CommitId, TreeChange } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { CandidateJudge } from './candidate-judge.ts';
import { judgeLine } from './line-rule.ts';
import { type Push, parsePush, type RefUpdate } from './push.ts';
import { authorityProblems } from './push-authority.ts';
import { objectProblems } from './push-contents.ts';
import { type FollowedState, policyProblems } from './push-policy.ts';
import { type PushProblem, problemsOf } from './push-problem.ts';
import { refusalText, warningText } from './push-text.ts';
import type { Pusher, PushTickets } from './push-tickets.ts';
import type { PushedObjects } from './pushed-objects.ts';
import { refProblem } from './ref-rules.ts';

/** A push that was let in; git moves the refs right after. */
export interface AllowedPush {
  /** `null`: it came through the file system or ssh. */
  readonly pusher: Pusher | null;
  readonly updates: readonly RefUpdate[];
}

export interface RefusedPush extends AllowedPush {
  /** What was wrong with it, each code once. */
  readonly codes: readonly string[];
}

export interface PushGateDeps {
  /** Folder of the repository that pushes must be for. */
  readonly repository: string;
  /** Full name of the branch that is followed. */
  readonly branch: string;
  readonly followed: FollowedState;
  readonly judge: CandidateJudge;
  readonly open: (quarantine: string | null) => PushedObjects;
  readonly tickets: PushTickets;
  readonly log: Log;
  /** Told of every push that is let in, before its pusher is. */
  readonly onAllowed?: (push: AllowedPush) => void;
  /** Told of every push that is refused. */
  readonly onRefused?: (push: RefusedPush) => void;
  /** Milliseconds that judging may take from the question on. Default 25 000, less than the hook waits. */
  readonly waitMs?: number;
}

export interface PushGate {
  /** Answers the text of a question of the hook. Never rejects: what goes wrong is a refusal. */
  answer(question: string): Promise<{ readonly allowed: boolean; readonly lines: readonly string[] }>;
}

interface Verdict {
  readonly problems: readonly PushProblem[];
  readonly warnings: readonly PushProblem[];
}

export function createPushGate(deps: PushGateDeps): PushGate {
  // One after the other: whoever pushes a large history must not slow down all others at once.
  const queue = new SerialQueue();

  return {
    async answer(question) {
      const startedAt = performance.now();
      const push = parsePush(question);
      const pusher = push?.ticket ? deps.tickets.pusherOf(push.ticket) : null;
      const requestId = pusher?.requestId ?? null;
      const verdict = await verdictInTime(push, pusher);
      const allowed = verdict.problems.length === 0;
      record(push, pusher, verdict, performance.now() - startedAt);
      if (push) tell({ pusher, updates: push.updates }, verdict);
      return {
        allowed,
        lines: allowed ? warningText(verdict.warnings) : refusalText(verdict.problems, requestId),
      };
    },
  };

  function tell(push: AllowedPush, { problems }: Verdict): void {
    if (problems.length === 0) deps.onAllowed?.(push);
    else deps.onRefused?.({ ...push, codes: [...new Set(problems.map(({ code }) => code))] });
  }

  async function verdictInTime(push: Push | null, pusher: Pusher | null): Promise<Verdict> {
    const waitMs = deps.waitMs ?? 25_000;
    const tooLate = new AbortController();
    const timer = setTimeout(() => tooLate.abort(), waitMs);
    const late = new Promise<never>((_, reject) => {
      tooLate.signal.addEventListener('abort', () => reject(notInTime(waitMs)), { once: true });
    });
    try {
      return await Promise.race([queue.run(() => judgePush(deps, push, pusher, tooLate.signal)), late]);
    } catch (error) {
      if (!isHeadwaterError(error)) deps.log.error({ err: error }, 'judging a push failed');
      return refusal(problemOfError(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** One line per ref, so that each can be searched for by name. */
  function record(push: Push | null, pusher: Pusher | null, { problems }: Verdict, ms: number): void {
    const who = pusher
      ? { requestId: pusher.requestId, tokenId: pusher.token.id, name: pusher.token.name }
      : { requestId: undefined, tokenId: undefined, name: undefined };
    for (const { ref, from, to } of push?.updates ?? []) {
      const fields = { ...who, ref, from, to, ms: Math.round(ms) };
      if (problems.length === 0) deps.log.info(fields, 'push allowed');
      else
        deps.log.warn({ ...fields, codes: [...new Set(problems.map(({ code }) => code))] }, 'push refused');
    }
  }
}

async function judgePush(
  deps: PushGateDeps,
  push: Push | null,
  pusher: Pusher | null,
  signal: AbortSignal,
): Promise<Verdict> {
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
  deps: PushGateDeps,
  update: RefUpdate & { readonly to: CommitId },
  pusher: Pusher | null,
  objects: PushedObjects,
): Promise<Verdict> {
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

function refusal(problem: PushProblem): Verdict {
  return { problems: [problem], warnings: [] };
}

function strange(message: string): PushProblem {
  const hint = 'Restart the daemon of this repository; it renews the hook. Then push again.';
  return { code: 'HW_GATE_CLOSED', place: 'this push', envs: [], message, hint };
}

function notInTime(waitMs: number): HeadwaterError {
  return new HeadwaterError('HW_GATE_CLOSED', {
    message: `judging it took longer than ${waitMs / 1000} s`,
    hint: 'Push again in a moment. A long history goes in parts: git push origin <older commit>:<branch> first.',
  });
}

function problemOfError(error: unknown): PushProblem {
  const known = isHeadwaterError(error)
    ? error
    : new HeadwaterError('HW_INTERNAL', {
        message: 'something unforeseen went wrong while it was judged',
        hint: 'Look into the log of the daemon.',
      });
  return { code: known.code, place: 'this push', envs: [], message: known.message, hint: known.hint ?? '' };
}
