import type { ErrorCode } from '@headwater/schemas/protocol';

/** Something found in a config repository. Only errors hold a commit. It never shows a secret value. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** Path in the repository. */
  readonly file: string;
  /** JSON Pointer inside the file; "" for the whole file. */
  readonly pointer: string;
  /** Line in the file, from 1; absent when it is not about a place in a text. */
  readonly line?: number;
  /** What is wrong. */
  readonly message: string;
  /** What to do. */
  readonly hint: string;
  /** Service it is about; absent when it is about the repository as a whole. */
  readonly service?: string;
  /** Environment it shows in; absent when it does not depend on one. */
  readonly env?: string;
}
