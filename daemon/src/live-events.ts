/**
 * What happens, told to whoever listens right now: pages that want to be up to date, `headwater` commands that wait. The last
 * thousand are remembered, so that a connection that broke for a moment misses nothing.
 */
import { randomBytes } from 'node:crypto';
import type { LiveEvent } from '@headwater/schemas/http';

/** An event with its place in the stream. */
export interface NumberedEvent {
  /** `<run>-<number>`: numbers start anew with every start of the daemon. */
  readonly id: string;
  readonly event: LiveEvent;
}

export type LiveListener = (event: NumberedEvent) => void;

const maxRemembered = 1_000;

export class LiveEvents {
  /** Tells the events of this run from those of an earlier one. */
  readonly #run = randomBytes(4).toString('hex');
  readonly #listeners = new Set<LiveListener>();
  readonly #remembered: NumberedEvent[] = [];
  #count = 0;

  /** Tells everybody who listens. Listeners must not throw. */
  publish(event: LiveEvent): void {
    const numbered = { id: `${this.#run}-${++this.#count}`, event };
    this.#remembered.push(numbered);
    if (this.#remembered.length > maxRemembered) this.#remembered.shift();
    for (const listener of this.#listeners) listener(numbered);
  }

  /** Calls `listener` for every event from now on. @returns Stops. */
  subscribe(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Events after the one with this id; `null` when that one is not remembered, so nobody knows what was missed. */
  since(id: string): readonly NumberedEvent[] | null {
    const [run, number] = id.split('-');
    const missed = this.#count - Number(number);
    const isKnown = run === this.#run && missed >= 0 && missed <= this.#remembered.length;
    return isKnown ? this.#remembered.slice(this.#remembered.length - missed) : null;
  }

  /** Id of the newest event; `<run>-0` before the first. */
  get lastId(): string {
    return `${this.#run}-${this.#count}`;
  }
}
