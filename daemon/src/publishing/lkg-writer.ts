import type { LkgStore } from '../adapters/lkg-store.ts';
import type { PublishedService } from './plan.ts';

/** How long to wait before copies that could not be written are tried again. */
const retryMs = 5_000;
/** Copies written side by side. Fewer than libuv has threads: reading the branch must not queue behind a disk that syncs. */
const writtenAtOnce = 3;
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

  async #drain(): Promise<void> {
    const round = { failures: 0, lastError: null as unknown };
    const failed = new Set<string>();
    const lane = async (keys: MapIterator<string>) => {
      for (let next = keys.next(); !next.done && round.failures < maxFailures; next = keys.next()) {
        const key = next.value;
        if (failed.has(key)) continue;
        try {
          await this.#writeNewest(key);
          round.failures = 0;
        } catch (error) {
          round.failures += 1;
          round.lastError = error;
          failed.add(key);
          this.#moveToEnd(key);
        }
      }
    };
    do {
      // One walk shared by all lanes, so that no key is in two of them at once.
      const keys = this.#waiting.keys();
      await Promise.all(Array.from({ length: writtenAtOnce }, () => lane(keys)));
    } while (this.#waiting.size > failed.size && round.failures < maxFailures);
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

  async #writeNewest(key: string): Promise<void> {
    for (let item = this.#waiting.get(key); item !== undefined; item = this.#waiting.get(key)) {
      await this.#store.write(item.env, item.service, item.published);
      if (this.#waiting.get(key) === item) this.#waiting.delete(key);
    }
  }

  /** Behind the others, so that one bad file holds back nobody, now or in the next round. */
  #moveToEnd(key: string): void {
    const item = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (item) this.#waiting.set(key, item);
  }
}
