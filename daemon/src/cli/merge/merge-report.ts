/** Files as git hands them to a merge driver. */
export interface MergeFiles {
  /** Common ancestor; empty when there is none. */
  readonly base: string;
  /** Our version; the result is written here. */
  readonly ours: string;
  readonly theirs: string;
  /** Path in the repository. */
  readonly path: string;
}

export interface MergeReport {
  readonly merged: boolean;
  /** How it was merged: by settings, as an encrypted file, or line by line as git does without us. */
  readonly how: 'settings' | 'secrets' | 'lines';
  /** JSON Pointers of what both sides changed; empty for conflicts of lines. */
  readonly conflicts: readonly string[];
  /** Why it was not merged by settings, or what stands in the way of a secrets file. */
  readonly reason?: string;
}

export interface Versions {
  readonly base: Uint8Array | null;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
}
