/**
 * Keeps the page in step with the daemon: says when something new is live, and whether the daemon answers at all.
 */
import type { EnvironmentState } from '@headwater/schemas/http';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { readEnvironment } from '../api/environments.ts';
import { ApiError } from '../api/http.ts';

/** How often the daemon is asked while it answers. */
const intervalMs = 3_000;
/** First and longest wait before a daemon that does not answer is tried again. */
const firstRetryMs = 2_000;
const lastRetryMs = 15_000;

export class LiveController implements ReactiveController {
  /** Grows with every change of the environment. */
  version = 0;
  /** Where the environment stands; `null` before the first answer. */
  environment: EnvironmentState | null = null;
  /** Seconds until the next try while the daemon does not answer; `null` = connected. */
  retryInSeconds: number | null = null;
  readonly #host: ReactiveControllerHost;
  #env: string | null = null;
  #timer: number | undefined;
  #retryMs = firstRetryMs;
  #request: AbortController | undefined;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** Follows another environment; `null` follows none. */
  follow(env: string | null): void {
    if (env === this.#env) return;
    this.#env = env;
    this.environment = null;
    this.#stop();
    if (env !== null) void this.#look();
  }

  /** Asks now: something was just changed from here. */
  refresh(): void {
    this.#stop();
    void this.#look();
  }

  hostDisconnected(): void {
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  async #look(): Promise<void> {
    const env = this.#env;
    if (env === null) return;
    const request = new AbortController();
    this.#request = request;
    try {
      this.#take(await readEnvironment(env, request.signal));
      this.#retryMs = firstRetryMs;
      this.#later(intervalMs);
    } catch (error) {
      if (request.signal.aborted) return;
      // Logged out: the shell asks for a login, and follows again after it.
      if (error instanceof ApiError && error.status === 401) return;
      this.#countDown(Math.round(this.#retryMs / 1000));
      this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
    }
  }

  #take(environment: EnvironmentState): void {
    const wasLost = this.retryInSeconds !== null;
    const isNew = JSON.stringify(environment) !== JSON.stringify(this.environment);
    this.retryInSeconds = null;
    this.environment = environment;
    if (isNew) this.version++;
    if (isNew || wasLost) this.#host.requestUpdate();
  }

  #countDown(seconds: number): void {
    this.retryInSeconds = seconds;
    this.#host.requestUpdate();
    this.#timer = window.setTimeout(
      () => (seconds > 1 ? this.#countDown(seconds - 1) : void this.#look()),
      1_000,
    );
  }

  #later(ms: number): void {
    this.#timer = window.setTimeout(() => void this.#look(), ms);
  }
}
