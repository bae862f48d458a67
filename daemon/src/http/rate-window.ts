import type { Clock } from '../ports.ts';
import { networkOf } from './failed-attempts.ts';

/** Bounds memory: the oldest entry makes room. */
const maxEntries = 10_000;

/** Lets each network through so many times per window. */
export class RateWindow {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #seen = new Map<string, { count: number; endsAt: number }>();

  constructor(clock: Clock, limit: number, windowMs: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Counts one request. @returns Milliseconds to wait; 0 = it may pass. */
  take(address: string): number {
    const network = networkOf(address);
    const now = this.#clock.monotonic();
    const before = this.#seen.get(network);
    if (before !== undefined && before.endsAt > now) {
      before.count++;
      return before.count > this.#limit ? before.endsAt - now : 0;
    }
    this.#seen.delete(network);
    this.#seen.set(network, { count: 1, endsAt: now + this.#windowMs });
    const oldest = this.#seen.keys().next().value;
    if (this.#seen.size > maxEntries && oldest !== undefined) this.#seen.delete(oldest);
    return 0;
  }
}
