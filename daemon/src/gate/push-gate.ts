/**
 * The one gate for every push, however it comes: HTTP, ssh, the file system. It looks at a push before git takes it in, and answers
 * with what the pusher reads. What it refuses: refs that people do not write, secrets, a followed branch that would not go on from where
 * it is, errors that the branch does not have yet, and changes that the pusher may not make. When in doubt it refuses.
 */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Log } from '../log.ts';
import { SerialQueue } from '../serial-queue.ts';
import { judgePush, type PushJudgeDeps, type PushVerdict, refusal } from './judge-push.ts';
import { type Push, parsePush, type RefUpdate } from './push.ts';
import type { PushProblem } from './push-problem.ts';
import { refusalText, warningText } from './push-text.ts';
import type { Pusher, PushTickets } from './push-tickets.ts';

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

export interface PushGateDeps extends PushJudgeDeps {
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

export function createPushGate(deps: PushGateDeps): PushGate {
  // One after the other: whoever pushes a large history must not slow down all others at once.
  const queue = new SerialQueue();

  return {
    async answer(question) {
      const startedAt = performance.now();
      const push = parsePush(question);
      const pusher = push?.ticket ? deps.tickets.pusherOf(push.ticket) : null;
      const requestId = pusher?.requestId ?? null;
      const verdict = told(push, pusher, await verdictInTime(push, pusher));
      const allowed = verdict.problems.length === 0;
      record(push, pusher, verdict, performance.now() - startedAt);
      return {
        allowed,
        lines: allowed ? warningText(verdict.warnings) : refusalText(verdict.problems, requestId),
      };
    },
  };

  /** What nobody could be told of does not come in. */
  function told(push: Push | null, pusher: Pusher | null, verdict: PushVerdict): PushVerdict {
    if (push === null) return verdict;
    const { updates } = push;
    try {
      if (verdict.problems.length === 0) deps.onAllowed?.({ pusher, updates });
      else deps.onRefused?.({ pusher, updates, codes: codesOf(verdict) });
      return verdict;
    } catch (error) {
      deps.log.error({ err: error }, 'a push could not be recorded');
      return verdict.problems.length === 0 ? refusal(problemOfError(error)) : verdict;
    }
  }

  async function verdictInTime(push: Push | null, pusher: Pusher | null): Promise<PushVerdict> {
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
  function record(push: Push | null, pusher: Pusher | null, verdict: PushVerdict, ms: number): void {
    const who = pusher
      ? { requestId: pusher.requestId, tokenId: pusher.token.id, name: pusher.token.name }
      : { requestId: undefined, tokenId: undefined, name: undefined };
    for (const { ref, from, to } of push?.updates ?? []) {
      const fields = { ...who, ref, from, to, ms: Math.round(ms) };
      if (verdict.problems.length === 0) deps.log.info(fields, 'push allowed');
      else deps.log.warn({ ...fields, codes: codesOf(verdict) }, 'push refused');
    }
  }
}

function codesOf({ problems }: PushVerdict): string[] {
  return [...new Set(problems.map(({ code }) => code))];
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
