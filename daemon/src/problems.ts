import type { HealthProblem } from '@headwater/schemas/protocol';
import { type ErrorCode, isHeadwaterError } from '@headwater/schemas/protocol';

/** What waits for a person right now, one entry per subject; health and `headwater status` show it. */
export class Problems {
  readonly #bySubject = new Map<string, HealthProblem>();

  /** Replaces what is known about a subject. Returns true when that is news. */
  set(subject: string, problem: HealthProblem): boolean {
    const before = this.#bySubject.get(subject);
    this.#bySubject.set(subject, problem);
    return before?.code !== problem.code || before.message !== problem.message;
  }

  /** The subject is fine again. Returns true when it was not. */
  clear(subject: string): boolean {
    return this.#bySubject.delete(subject);
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  list(): HealthProblem[] {
    return [...this.#bySubject.values()];
  }
}

/** A thrown value as a problem: typed errors speak for themselves, others say where to look. */
export function problemOf(error: unknown, fallback: ErrorCode): HealthProblem {
  if (isHeadwaterError(error)) return { code: error.code, message: error.message, hint: error.hint ?? '' };
  return {
    code: fallback,
    message: error instanceof Error ? error.message : String(error),
    hint: 'See the daemon log for the details.',
  };
}
