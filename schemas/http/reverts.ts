/**
 * `POST /api/v1/reverts`: one new commit that undoes. What came later and touches other settings stays; what cannot be undone cleanly
 * is 409 with its conflicts. Answers as every change: `EditResult`, with `?dryRun=true` `DryRun`.
 */
export type RevertRequest = (RevertCommit | RevertSetting | RevertService | RevertEverything) & {
  /** Default: written from what is undone. */
  readonly message?: string;
};

/** Undoes one commit. */
export interface RevertCommit {
  /** Its id, or any unambiguous beginning of at least 4 digits. */
  readonly commit: string;
}

/** Takes one setting of one layer back. */
export interface RevertSetting {
  readonly service: string;
  /** JSON Pointer. */
  readonly pointer: string;
  /** "base" or an environment. */
  readonly layer: string;
  /** Commit or time (RFC 3339, UTC) whose value comes back. Default: the value before the last change of it in that layer. */
  readonly to?: string;
}

/**
 * Takes a service back to how it was at a commit or time: schema and layers, or one layer alone. Who may read its secrets, and the
 * secrets themselves, stay as they are now, unless the service is not there any more: then it comes back whole.
 */
export interface RevertService {
  readonly service: string;
  /** "base" or an environment. Default: all of it. */
  readonly layer?: string;
  /** The same as `layer`, for an environment. */
  readonly env?: string;
  readonly to: string;
}

/** Takes all services, shared values and presets back to a commit or time; settings of the repository stay. */
export interface RevertEverything {
  readonly to: string;
  /** Services that may disappear by it; needed for more than three that are more than a tenth of an environment. Default 0. */
  readonly allowRemoval?: number;
}
