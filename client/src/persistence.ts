/** Writes what the machine accepted, one write at a time: a burst of changes costs as many writes as the disk can take. */
import type { LkgStore } from './lkg-store.ts';
import type { Held, MachineState } from './machine-state.ts';
import { isRevokedDocument } from './machine-step.ts';

/** A statement comes every 30 s; its mark need not be on disk at once. */
const lazyMs = 10_000;

export interface Persistence {
  /**
   * `done` is called once this state, or a newer one, was written or could not be. Calls keep their order.
   * @param done With the document that is on disk now, or `null` when that may be an older one.
   */
  document(done: (kept: Held | null) => void): void;
  marks(isUrgent: boolean): void;
  keys(envelope: Uint8Array, version: number): void;
  /** Writes what is still waiting. */
  close(): Promise<void>;
}

export function createPersistence(store: LkgStore, currentState: () => MachineState): Persistence {
  let wants: 'document' | 'marks' | null = null;
  let waiting: ((kept: Held | null) => void)[] = [];
  let running: Promise<void> | null = null;
  let keysWritten: Promise<void> = Promise.resolve();
  let lazy: ReturnType<typeof setTimeout> | null = null;

  function start(): void {
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    while (wants !== null) {
      const what = wants;
      const done = waiting;
      wants = null;
      waiting = [];
      const { held, schema, marks, keyring } = currentState();
      const isKept = what === 'document' && held !== null && !isRevokedDocument({ keyring }, held);
      const isOnDisk = isKept && (await store.save(held, schema, marks, keyring));
      if (!isKept) await store.saveMarks(marks);
      for (const tell of done) tell(isOnDisk ? held : null);
    }
  }

  function flushLazy(): void {
    if (lazy === null) return;
    clearTimeout(lazy);
    lazy = null;
    wants ??= 'marks';
    start();
  }

  return {
    document(done) {
      wants = 'document';
      waiting.push(done);
      start();
    },
    marks(isUrgent) {
      if (isUrgent) {
        wants ??= 'marks';
        start();
      } else if (lazy === null) {
        lazy = setTimeout(flushLazy, lazyMs);
        lazy.unref();
      }
    },
    keys(envelope, version) {
      keysWritten = keysWritten.then(() => store.saveKeys(envelope, version));
    },
    async close() {
      flushLazy();
      while (running) await running;
      await keysWritten;
    },
  };
}
