/** Changes that are worked out from the repository: reverts, presets, promotions, services that come and go. */

import type { ReadBlob } from '../core/files.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { FileChange, Trailer } from '../editing/edit.ts';
import type { CommitId, ObjectReader } from '../ports.ts';
import type { History } from '../timeline/history.ts';

/** What the editor is asked for, but for who asks. */
export interface ChangePlan {
  /** Commit that the files were made on. */
  readonly base: CommitId;
  readonly files: readonly FileChange[];
  /** For people who wrote no message of their own. */
  readonly message: string;
  /** Added below whatever message there is. */
  readonly note?: string;
  readonly trailers?: readonly Trailer[];
  /** Files that whoever made the plan has looked at for what the caller may see. Default: none. */
  readonly isOpen?: (path: string) => boolean;
}

/** What plans are made from. */
export interface PlanDeps {
  readonly reader: Pick<ObjectReader, 'findFiles' | 'listFiles' | 'diff'>;
  readonly readBlob: ReadBlob;
  /** Index of the newest commit that was read; `null` before the first. Its `at` is the commit that plans are made on. */
  readonly index: () => RepoIndex | null;
  readonly history: Pick<History, 'entry' | 'commitOf' | 'line'>;
}
