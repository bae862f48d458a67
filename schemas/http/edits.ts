import type { Epoch } from '../protocol/epoch.ts';
import type { ServiceChange } from './changes.ts';
import type { Conflict, SettingProblem } from './problem.ts';

/**
 * Answer to a change that became a commit: 201 when every environment takes it, 202 when one waits (`held`), 200 when there was
 * nothing to change.
 */
export interface EditResult {
  /** Where the followed branch stands now. */
  readonly epoch: Epoch;
  readonly commit: string;
  /** False: everything was like that already, and no commit was made. */
  readonly changed: boolean;
  /** Environment → service → pointers of the settings that changed. */
  readonly applied: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** True when changes of somebody else were merged in. */
  readonly merged: boolean;
  readonly held?: readonly { readonly env: string; readonly since: string; readonly code: string }[];
}

/** Answer to `?dryRun=true`: what the change would do. Nothing was written. */
export interface DryRun {
  readonly changes: readonly ServiceChange[];
  /** Reasons why it would be refused (422). */
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingProblem[];
  /** Settings that somebody else changed differently meanwhile (409). */
  readonly conflicts: readonly Conflict[];
  readonly merged: boolean;
  /** Whom it reaches: connected clients per environment and service. */
  readonly reach: readonly Reach[];
  /** Protected environments it reaches: there it needs a proposal. */
  readonly protected: readonly string[];
}

export interface Reach {
  readonly env: string;
  readonly service: string;
  /** Connected clients that would apply it while they run. */
  readonly live: number;
  /** Connected clients that would need a restart for some of it. */
  readonly restart: number;
}

/** `POST /api/v1/commits`: many services, one commit, one epoch. */
export interface CommitRequest {
  /** Default: written from what changes. */
  readonly message?: string;
  /** Commit that the changes were made on. */
  readonly base: string;
  readonly changes: readonly LayerChange[];
}

/** One layer of one service. Exactly one of `config`, `patch`, `merge`. */
export interface LayerChange {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  /** The whole document of the layer; `null` removes the file. */
  readonly config?: Readonly<Record<string, unknown>> | null;
  /** RFC 6902 operations on the layer's document at `base`. */
  readonly patch?: readonly object[];
  /** RFC 7396 merge patch of it. */
  readonly merge?: Readonly<Record<string, unknown>>;
}
