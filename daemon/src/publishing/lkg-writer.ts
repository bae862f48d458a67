import type { LkgStore } from '../adapters/lkg-store.ts';
import type { PublishedService } from '../core/plan.ts';

/** How long to wait before copies that could not be written are tried again. */
const retryMs = 5_000;
/** Copies written side by side: each waits for the disk three times. */
const writtenAtOnce = 16;
/** Failures in a row after which a round ends: a full disk is not asked ten thousand times. */
const maxFailures = 16;

interface Item {
  readonly env: string;
  readonly service: string;
  readonly published: PublishedService;
}

/**
 * Writes last-known-good copies behind the publishing, newest per service, so that a slow disk never delays a message. A copy is
 * enqueued only after the broker acknowledged it; losing one in a crash means publishing it again.
 */
export class LkgWriter {
  readonly #store: LkgStore;
  readonly #onProblem: (error: unknown | null) => void;
  readonly #waiting = new Map<string, Item>();
  /** What a lane is at: two must not write one file. */
  readonly #writing = new Set<string>();
  #running: Promise<void> | null = null;
  #retry: NodeJS.Timeout | null = null;

  /** @param onProblem Called with the error when writing fails, and with `null` when everything is written again. */
  constructor(store: LkgStore, onProblem: (error: unknown | null) => void) {
    this.#store = store;
    this.#onProblem = onProblem;
  }

  enqueue(env: string, service: string, published: PublishedService): void {
    this.#waiting.set(`${env}/${service}`, { env, service, published });
    if (!this.#retry) this.#start();
  }

  /** Resolves when everything enqueued so far is on disk, or failed once more. */
  async flush(): Promise<void> {
    this.#cancelRetry();
    if (this.#waiting.size > 0) this.#start();
    await this.#running;
    this.#cancelRetry();
  }

  #cancelRetry(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }

  #start(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
      if (this.#waiting.size > 0 && !this.#retry) this.#start(); // came in the last moment
    });
  }

  #takeNext(failed: ReadonlySet<string>): [string, Item] | null {
    for (const [key, item] of this.#waiting) {
      if (this.#writing.has(key) || failed.has(key)) continue;
      this.#writing.add(key);
      return [key, item];
    }
    return null;
  }

  async #drain(): Promise<void> {
    const failed = new Set<string>();
    const round = { failures: 0, lastError: null as unknown };
    const lane = async () => {
      for (;;) {
        const next = round.failures < maxFailures ? this.#takeNext(failed) : null;
        if (next === null) return;
        const [key, item] = next;
        try {
          await this.#store.write(item.env, item.service, item.published);
          round.failures = 0;
          if (this.#waiting.get(key) === item) this.#waiting.delete(key);
        } catch (error) {
          round.failures += 1;
          round.lastError = error;
          failed.add(key);
          // Behind the others, so that one bad file holds back nobody, now or in the next round.
          const newest = this.#waiting.get(key) ?? item;
          this.#waiting.delete(key);
          this.#waiting.set(key, newest);
        } finally {
          this.#writing.delete(key);
        }
      }
    };
    await Promise.all(Array.from({ length: writtenAtOnce }, lane));
    if (this.#waiting.size === 0) {
      this.#onProblem(null);
      return;
    }
    this.#onProblem(round.lastError);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#start();
    }, retryMs).unref();
  }
}
