import type { Clock } from '../ports.ts';

/** At most two statements a second per environment. [protocol §3.5] */
const minGapMs = 500;

/** Sends at once when nothing went out lately, else once at the end of the gap, with whatever is true by then. */
export class StatementPacer {
  readonly #clock: Clock;
  readonly #send: () => Promise<void>;
  readonly #later: (send: () => Promise<void>) => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  /** @param later Runs what a timer wants to send; not in the middle of a publication, whose epoch it would tell too early. */
  constructor(clock: Clock, send: () => Promise<void>, later: (send: () => Promise<void>) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#later = later;
  }

  async request(): Promise<void> {
    const waitMs = this.#lastMs + minGapMs - this.#clock.monotonic();
    if (waitMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#later(() => this.request());
      }, waitMs).unref();
      return;
    }
    this.stop();
    this.#lastMs = this.#clock.monotonic();
    await this.#send();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
