/** Typed events. A listener that throws is reported and changes nothing. */
export interface Emitter<Events> {
  /** Returns a function that removes the listener. */
  on<K extends keyof Events>(name: K, listener: (event: Events[K]) => void): () => void;
  emit<K extends keyof Events>(name: K, event: Events[K]): void;
}

export function createEmitter<Events>(
  onThrow: (error: unknown, name: keyof Events) => void,
): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      // Wrapped, so that adding the same function twice calls it twice and removes it once.
      const own = (event: never) => listener(event);
      set.add(own);
      return () => void set.delete(own);
    },
    emit(name, event) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          const result: unknown = (listener as (event: unknown) => unknown)(event);
          if (result instanceof Promise) result.catch((error: unknown) => onThrow(error, name));
        } catch (error) {
          onThrow(error, name);
        }
      }
    },
  };
}
