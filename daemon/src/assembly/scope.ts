/** What was opened, to be closed in reverse order. Every part of the daemon that holds something puts it here when it opens it. */
import type { Log } from '../log.ts';

export type Close = () => Promise<void> | void;

export class Scope {
  readonly #log: Log;
  readonly #closers: Close[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Called when the daemon stops, or when it could not start after all. */
  defer(close: Close): void {
    this.#closers.push(close);
  }

  /** As `defer`, for what talks to somebody else, who may never answer: the stop goes on after `ms`. */
  deferWithin(ms: number, close: () => Promise<void>): void {
    this.defer(() => within(ms, close()));
  }

  /** Closes everything, each once, whatever the others do. */
  async close(): Promise<void> {
    // In reverse order, every one of them: a disk that fails at the end must not keep the lock or the broker.
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        this.#log.error({ err: error }, 'stopping failed in part');
      }
    }
  }
}

/** Waits for `work`, but not for ever. What it still does later is cut off by closing what it uses. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]).finally(() => clearTimeout(timer));
}
