import type { Clock } from '../ports.ts';

/** At most two statements a second per environment. [protocol §3] */
const minGapMs = 500;

/** Sends at once when nothing went out lately, else once at the end of the gap, with whatever is true by then. */
export class StatementPacer {
  readonly #clock: Clock;
  readonly #send: () => Promise<void>;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Clock, send: () => Promise<void>) {
    this.#clock = clock;
    this.#send = send;
  }

  async request(): Promise<void> {
    const waitMs = this.#lastMs + minGapMs - this.#clock.monotonic();
    if (waitMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        void this.#now();
      }, waitMs).unref();
      return;
    }
    this.stop();
    await this.#now();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #now(): Promise<void> {
    this.#lastMs = this.#clock.monotonic();
    await this.#send();
  }
}
