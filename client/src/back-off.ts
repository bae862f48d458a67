/** Waiting times between attempts to reach a broker, in milliseconds. */
export const firstDelayMs = 500;
export const maxDelayMs = 30_000;
/** A connection that held for so long was a good one: the next loss starts small again. */
export const stableAfterMs = 60_000;

export interface BackOff {
  /** Call when a connection stands. */
  connected(now: number): void;
  /** Delay before the next attempt: min(30 s, 0.5 s × 2^n) × random(0.5..1). */
  next(now: number): number;
}

/** @param random 0 ≤ random() < 1: spreads clients that lost the same broker. */
export function createBackOff(random: () => number): BackOff {
  let failures = 0;
  let since: number | null = null;
  return {
    connected(now) {
      since = now;
    },
    next(now) {
      if (since !== null && now - since >= stableAfterMs) failures = 0;
      since = null;
      const delay = Math.min(maxDelayMs, firstDelayMs * 2 ** failures);
      failures = Math.min(failures + 1, 16);
      return Math.max(1, Math.round(delay * (0.5 + random() / 2)));
    },
  };
}
