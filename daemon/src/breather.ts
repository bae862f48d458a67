/** Longest stretch of work without letting anything else run, milliseconds. Ten times below what a heartbeat would notice. */
const sliceMs = 25;

/**
 * For long work that never waits for anything outside (reads of loose objects and caches do not): call it between steps, and await
 * what it gives. Everything else that waits then has its turn.
 */
export function createBreather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < sliceMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve();
      });
    });
  };
}
