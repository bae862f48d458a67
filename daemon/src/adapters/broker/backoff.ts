const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the next attempt to connect, milliseconds: 0.5 s doubled per failure, 30 s at most, times a random
 * half to whole so that many clients of a restarted broker do not come back in the same instant.
 * @param failures Attempts that failed in a row; 0 right after a connection was lost.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2);
}
