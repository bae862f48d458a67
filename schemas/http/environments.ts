import type { Epoch } from '../protocol/epoch.ts';

/** `GET /api/v1/epoch?env=`: where an environment stands. */
export interface EnvironmentState {
  readonly env: string;
  /** Live epoch; `null` when nothing was ever valid. */
  readonly epoch: Epoch | null;
  readonly status: 'ok' | 'degraded' | 'never-valid';
  /** Newest commit of the followed branch, live or not. */
  readonly tip: { readonly commit: string; readonly seq: number } | null;
  /** What waits, with both ways out; not more than 100. */
  readonly held: readonly HeldItem[];
  readonly heldTotal: number;
  /** Policy in force for the next commit. */
  readonly policy: EnvironmentPolicy;
  /** About the newest commits, oldest first; they hold nothing. */
  readonly warnings: readonly CommitWarning[];
}

/** What is asked of commits that reach an environment. */
export interface EnvironmentPolicy {
  /** Changes need an approval. */
  readonly protected: boolean;
  /** Who reviews what is protected. */
  readonly review: 'headwater' | 'forge';
  readonly signedCommits: 'off' | 'warn' | 'require';
}

/** Something worth knowing of a commit. */
export interface CommitWarning {
  readonly commit: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Something that waits for a fix. */
export interface HeldItem {
  /** Service, or "*" for the whole environment. */
  readonly service: string;
  /** Commit that brought the reason. */
  readonly since: string;
  readonly code: string;
  readonly pointer?: string;
  readonly file?: string;
  readonly line?: number;
  readonly message: string;
  readonly hint: string;
}
