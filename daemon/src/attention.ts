import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { Log } from './log.ts';
import { type Problems, problemOf } from './problems.ts';

/** Tells people what waits for them: once in the log when it is news, and in health for as long as it lasts. */
export class Attention {
  readonly #problems: Problems;
  readonly #log: Log;

  constructor(problems: Problems, log: Log) {
    this.#problems = problems;
    this.#log = log;
  }

  /** @param subject What it is about; a later report about the same takes its place. */
  report(subject: string, error: unknown): void {
    const problem = problemOf(error, 'HW_INTERNAL');
    if (!isHeadwaterError(error)) this.#log.error({ err: error }, 'internal error');
    if (this.#problems.set(subject, problem)) {
      this.#log.error({ code: problem.code, reason: problem.message, hint: problem.hint }, 'needs attention');
    }
  }

  clear(subject: string): void {
    if (this.#problems.clear(subject)) this.#log.info({ subject }, 'works again');
  }

  has(subject: string): boolean {
    return this.#problems.has(subject);
  }
}
