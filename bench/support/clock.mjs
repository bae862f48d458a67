// One clock for all processes of this machine: on Linux `process.hrtime` reads CLOCK_MONOTONIC, which they share.

/** Nanoseconds, comparable between processes. */
export const now = () => process.hrtime.bigint();

/**
 * Milliseconds between two readings; they travel between processes as text.
 * @param {bigint | string} from
 * @param {bigint | string} to
 */
export const msBetween = (from, to) => Number(BigInt(to) - BigInt(from)) / 1e6;

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Changes come when they come: between 20 and 50 ms apart, so that nothing measures its own rhythm. */
export const pause = () => sleep(20 + 30 * Math.random());
