import { isIP } from 'node:net';
import type { Clock } from '../ports.ts';

/** So many wrong tokens a minute are a mistake; more are guessing or a broken script. */
const maxAttempts = 10;
const windowMs = 60_000;
/** Bounds memory: the oldest entry makes room. */
const maxEntries = 10_000;

/**
 * Counts refused tokens per address. An address over the limit is not judged at all any more, so it learns nothing, except for
 * tokens that were right from that address before: a broken script must not lock out everybody behind the same address.
 */
export class FailedAttempts {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { count: number; endsAt: number }>();
  readonly #known = new Map<string, true>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until this token may be judged for this address; 0 = now. */
  waitMs(address: string, token: string): number {
    const failure = this.#failures.get(networkOf(address));
    if (failure === undefined || failure.count < maxAttempts || this.#known.has(keyOf(address, token)))
      return 0;
    return Math.max(0, failure.endsAt - this.#clock.monotonic());
  }

  succeeded(address: string, token: string): void {
    remember(this.#known, keyOf(address, token), true);
  }

  failed(address: string, token: string): void {
    this.#known.delete(keyOf(address, token));
    const network = networkOf(address);
    const now = this.#clock.monotonic();
    const before = this.#failures.get(network);
    const goesOn = before !== undefined && before.endsAt > now;
    remember(
      this.#failures,
      network,
      goesOn ? { count: before.count + 1, endsAt: before.endsAt } : { count: 1, endsAt: now + windowMs },
    );
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > maxEntries && oldest !== undefined) map.delete(oldest);
}

/** The id only: no secret is kept. A text that is no token has none, and was never right. */
function keyOf(address: string, token: string): string {
  return `${networkOf(address)} ${/^hw_([a-z0-9]{12})_/.exec(token)?.[1] ?? ''}`;
}

/** One IPv6 customer has a /64 of addresses; counting each would count nothing. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/, '');
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4).join(':');
}
