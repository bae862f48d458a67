/** Events from before a program could listen: they wait, and come in their order once it can. */
import type { Emitter } from './emitter.ts';

/** A start tells a handful; this only bounds a program that never gets to listen. */
const maxWaiting = 100;

export interface HeldBackEvents<Events> {
  tell<K extends keyof Events>(name: K, event: Events[K]): void;
  /** Delivers what waits one turn of the event loop later, and every later event at once. */
  release(): void;
}

export function holdBack<Events>(events: Emitter<Events>): HeldBackEvents<Events> {
  let waiting: (() => void)[] | null = [];
  return {
    tell(name, event) {
      if (waiting === null) events.emit(name, event);
      else if (waiting.length < maxWaiting) waiting.push(() => events.emit(name, event));
    },
    release() {
      setImmediate(() => {
        const early = waiting ?? [];
        waiting = null;
        for (const tell of early) tell();
      });
    },
  };
}
