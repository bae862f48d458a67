import type { CommitId, ObjectId, ObjectReader } from '../ports.ts';

/** What a push brought along, readable before it is taken in. */
export interface PushedObjects {
  /** Reads the repository and what was pushed as one. */
  readonly reader: Pick<ObjectReader, 'readCommit' | 'readRawCommit' | 'readStep' | 'readBlob' | 'diff'>;
  /**
   * Every object the push brought, each once, folders left out: their contents come by themselves. Content above `maxBytes` is never
   * unpacked. @throws HeadwaterError `HW_FILE_TOO_LARGE` when there are too many, `HW_OBJECT_CORRUPT`.
   */
  objects(maxBytes: number): AsyncIterable<PushedObject>;
  /** Commits on the first-parent line of `tip` that `base` does not reach, newest first. Errors as `ObjectReader.ancestry`. */
  firstParentsSince(tip: CommitId, base: CommitId | null): Promise<readonly CommitId[]>;
  /** True when `ancestor` is `of` or reachable from it. */
  isAncestor(ancestor: CommitId, of: CommitId): Promise<boolean>;
  close(): Promise<void>;
}

export interface PushedObject {
  readonly oid: ObjectId;
  /** `null` where only unpacking would tell. */
  readonly size: number | null;
  /** `null` when it is larger than was asked for. */
  readonly content: Uint8Array | null;
}
