/** An error as RFC 9457 has it (`application/problem+json`), with a code and the next step. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** From the catalogue, docs/errors.md. */
  readonly code: string;
  readonly hint?: string;
  readonly requestId: string;
  /** What is wrong with a change, setting by setting (422). */
  readonly problems?: readonly SettingProblem[];
  /** Settings that somebody else changed meanwhile (409). */
  readonly conflicts?: readonly Conflict[];
}

/** One thing that is wrong with a proposed change. */
export interface SettingProblem {
  readonly env?: string;
  readonly service?: string;
  readonly file?: string;
  readonly line?: number;
  /** JSON Pointer; "" for the whole document. */
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** One setting that two people changed differently. A side that is absent has no such setting. */
export interface Conflict {
  readonly file: string;
  readonly pointer: string;
  readonly base?: unknown;
  readonly ours?: unknown;
  readonly theirs?: unknown;
}
