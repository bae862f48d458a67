export interface SyncPace {
  /** Time between two looks while all is well, milliseconds. */
  readonly pollMs: number;
  /** Failures in a row. */
  readonly failures: number;
  /** How long the host asked us to wait, milliseconds. */
  readonly retryAfterMs?: number;
  /** From 0 to 1: daemons that lost their host together must not come back together. */
  readonly random: number;
}

/** A host that is back is found within this time, milliseconds. */
const longestWaitMs = 60_000;

/** Time until the next look at the host, milliseconds. */
export function nextLookMs({ pollMs, failures, retryAfterMs = 0, random }: SyncPace): number {
  const backOff = Math.min(pollMs * 2 ** Math.min(failures, 16), Math.max(longestWaitMs, pollMs));
  const jitter = 0.8 + 0.4 * random;
  // Patience that was asked for is never cut short.
  return Math.round(Math.max(backOff * jitter, retryAfterMs * (1 + 0.1 * random)));
}
