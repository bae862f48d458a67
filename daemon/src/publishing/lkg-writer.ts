import type { LkgStore } from '../adapters/lkg-store.ts';
import type { PublishedService } from '../core/plan.ts';

/** How long to wait before a copy that could not be written is tried again. */
const retryMs = 5_000;

/**
 * Writes last-known-good copies behind the publishing, newest per service, so that a slow disk never delays a message. A copy is
 * enqueued only after the broker acknowledged it; losing one in a crash means publishing it again.
 */
export class LkgWriter {
  readonly #store: LkgStore;
  readonly #onProblem: (error: unknown | null) => void;
  readonly #waiting = new Map<string, { env: string; service: string; published: PublishedService }>();
  #running: Promise<void> | null = null;
  #retry: NodeJS.Timeout | null = null;

  /** @param onProblem Called with the error when writing fails, and with `null` when it works again. */
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
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#waiting.size > 0) this.#start();
    await this.#running;
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }

  #start(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      // Always the first one: a newer copy of a service may have replaced the one just written.
      const [key, item] = this.#waiting.entries().next().value ?? [];
      if (key === undefined || item === undefined) break;
      try {
        await this.#store.write(item.env, item.service, item.published);
      } catch (error) {
        this.#onProblem(error);
        this.#retry = setTimeout(() => {
          this.#retry = null;
          this.#start();
        }, retryMs);
        this.#retry.unref();
        return;
      }
      if (this.#waiting.get(key) === item) this.#waiting.delete(key);
    }
    this.#onProblem(null);
  }
}
