/** `GET /api/v1/epoch/era`: the era in force, and whether the followed branch is refused. */
export interface EraState {
  readonly era: number;
  /** Who remembers what was published: the repository, for every daemon, or this daemon alone, because it may not write there. */
  readonly ledger: 'shared' | 'local';
  /** Why the branch is refused; `null` = it is followed. */
  readonly refused: RefusedBranch | null;
}

export interface RefusedBranch {
  readonly code: string;
  readonly message: string;
  /** Both ways out. Only for who may see everything: it names the repository. */
  readonly hint?: string;
}

/** `GET /api/v1/epoch/rewrite`: what accepting the rewritten branch would mean. */
export interface RewritePreview {
  readonly branch: string;
  readonly era: number;
  /** The era that would begin. */
  readonly nextEra: number;
  /** Where the branch is: what `POST /api/v1/epoch/accept-rewrite` must name. */
  readonly tip: CommitAt;
  /** What was published last; `null` = nobody knows. */
  readonly live: CommitAt | null;
  readonly refused: RefusedBranch;
  /** Commits that are live and not part of the new history. */
  readonly lost: {
    /** `null`: they are not in the repository, so nobody can count them. */
    readonly total: number | null;
    /** The newest of them, 10 at most. */
    readonly commits: readonly LostCommit[];
  };
  /** Environments in which something would change. */
  readonly environments: readonly EnvironmentRewrite[];
}

export interface CommitAt {
  readonly commit: string;
  readonly seq: number;
}

export interface LostCommit {
  readonly commit: string;
  /** First line of the message. */
  readonly subject: string;
  readonly author: string;
  /** RFC 3339. */
  readonly time: string;
}

/** Services of one environment that would change. */
export interface EnvironmentRewrite {
  readonly env: string;
  /** True: no commit of the new history is valid there, so what is live stays until one is. */
  readonly neverValid: boolean;
  readonly added: ServiceNames;
  readonly changed: ServiceNames;
  readonly removed: ServiceNames;
}

export interface ServiceNames {
  readonly total: number;
  /** 100 at most. */
  readonly names: readonly string[];
}

/** Body of `POST /api/v1/epoch/accept-rewrite`. */
export interface AcceptRewrite {
  /** Full id of the tip that was looked at: a branch that moved on meanwhile is not accepted unseen. */
  readonly tip: string;
}

/** Its answer. */
export interface AcceptedRewrite {
  readonly era: number;
  readonly start: CommitAt;
  /** Environments published in the new era; those that are missing follow as soon as the broker is there. */
  readonly published: readonly string[];
}
