/** How the daemon stands with the host that it mirrors. */
export interface UpstreamState {
  /** Address without credentials. */
  readonly url: string;
  /** The last conversation succeeded. */
  readonly reachable: boolean;
  /** When everything the host has was last known to be here, milliseconds since 1970; survives restarts. `null` = never. */
  readonly syncedAt: number | null;
}

/** The followed repository's host, for those who only want to know or to hurry. */
export interface Upstream {
  readonly state: UpstreamState;
  /** False: what the daemon writes of its own stays here, and changes are made at the host. */
  readonly takesPushes: boolean;
  /** Looks at the host now instead of at the next turn; what is asked for meanwhile is one look. Never rejects. */
  request(): Promise<void>;
}

/** Where the last known value of a ref of the host is kept: it holds on to what was fetched, and tells what was seen. */
export function trackingRef(ref: string): string {
  return `refs/upstream/${ref.slice('refs/'.length)}`;
}

/** Branches under review, and everything that Headwater itself keeps in git. */
export const proposalRefs = 'refs/heads/proposals/*';
export const headwaterRefs = 'refs/headwater/*';

/** Remembers over restarts when the mirror was last in step. */
export interface SyncMark {
  read(): number | null;
  write(time: number): void;
}
