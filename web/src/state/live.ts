/**
 * Keeps the page in step with the daemon: says when something new is live, and whether the daemon answers at all. Built on the
 * daemon's event stream; every event is only a reason to ask again.
 */
import type { EnvironmentState, LiveEvent } from '@headwater/schemas/http';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { readEnvironment } from '../api/environments.ts';
import { ApiError } from '../api/http.ts';

/** First and longest wait before a daemon that does not answer is tried again. */
const firstRetryMs = 2_000;
const lastRetryMs = 15_000;
/** Events that come in one breath are one reason. */
const gatherMs = 50;

const eventTypes: readonly LiveEvent['type'][] = ['epoch', 'held', 'tip', 'receipt', 'proposal', 'health'];

export class LiveController implements ReactiveController {
  /** Grows with every change of the environment. */
  version = 0;
  /** Grows when clients report something. */
  clientsVersion = 0;
  /** Where the environment stands; `null` before the first answer. */
  environment: EnvironmentState | null = null;
  /** Seconds until the next try while the daemon does not answer; `null` = connected. */
  retryInSeconds: number | null = null;
  readonly #host: ReactiveControllerHost;
  #env: string | null = null;
  #source: EventSource | null = null;
  #timer: number | undefined;
  #gather: number | undefined;
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
    this.#disconnect();
    if (env !== null) void this.#connect();
  }

  hostDisconnected(): void {
    this.#disconnect();
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#gather);
    this.#request?.abort();
    this.#source?.close();
    this.#source = null;
  }

  /** Asks where things stand, then listens. In this order a daemon that is away is noticed by an answer that says why. */
  async #connect(): Promise<void> {
    if (!(await this.#look())) return;
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    for (const type of eventTypes)
      source.addEventListener(type, (message) => this.#onEvent(JSON.parse(message.data) as LiveEvent));
    source.addEventListener('reset', () => this.#onEvent(null));
    source.onerror = () => {
      this.#disconnect();
      void this.#connect();
    };
  }

  #onEvent(event: LiveEvent | null): void {
    if (event && 'env' in event && event.env !== this.#env) return;
    if (event?.type === 'receipt') this.clientsVersion++;
    clearTimeout(this.#gather);
    this.#gather = window.setTimeout(() => {
      this.version++;
      this.#host.requestUpdate();
      void this.#look();
    }, gatherMs);
  }

  /** @returns false when the daemon did not answer; then it is tried again later. */
  async #look(): Promise<boolean> {
    const env = this.#env;
    if (env === null) return false;
    const request = new AbortController();
    this.#request = request;
    try {
      const environment = await readEnvironment(env, request.signal);
      const isNew = JSON.stringify(environment) !== JSON.stringify(this.environment);
      if (isNew && this.environment !== null) this.version++;
      this.environment = environment;
      this.retryInSeconds = null;
      this.#retryMs = firstRetryMs;
      this.#host.requestUpdate();
      return true;
    } catch (error) {
      if (request.signal.aborted) return false;
      // Logged out: the shell asks for a login, and follows again after it.
      if (error instanceof ApiError && error.status === 401) return false;
      this.#source?.close();
      this.#countDown(Math.round(this.#retryMs / 1000));
      this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
      return false;
    }
  }

  #countDown(seconds: number): void {
    this.retryInSeconds = seconds;
    this.#host.requestUpdate();
    this.#timer = window.setTimeout(
      () => (seconds > 1 ? this.#countDown(seconds - 1) : void this.#connect()),
      1_000,
    );
  }
}
