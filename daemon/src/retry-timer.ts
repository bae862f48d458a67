/** First and longest wait before what failed is tried again. */
const firstMs = 1_000;
const lastMs = 60_000;

/** Runs a job again after a while, and after a longer while each time, until it is told that all is well. */
export class RetryTimer {
  readonly #job: () => void;
  #timer: NodeJS.Timeout | null = null;
  #waitMs = firstMs;
  #stopped = false;

  constructor(job: () => void) {
    this.#job = job;
  }

  /** Something failed. Does nothing while the next try is on its way. */
  request(): void {
    if (this.#timer || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#job();
    }, this.#waitMs).unref();
    this.#waitMs = Math.min(this.#waitMs * 2, lastMs);
  }

  /** Nothing is left to do: the next failure is a new one. */
  succeeded(): void {
    this.#waitMs = firstMs;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }
}
