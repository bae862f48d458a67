import { createHash } from 'node:crypto';
import type { AgeStanza } from './metadata.ts';

/**
 * Spares unwrapping the same data key again (an edit leaves the stanzas as they are). A key is given only to whoever could have
 * unwrapped it: entries are by the identities that asked and by the very bytes of the stanzas.
 */
export interface DataKeyCache {
  /** @param identities Their public keys. @returns A copy, which the caller zeroes; `undefined` when it is not known. */
  get(identities: readonly string[], age: readonly AgeStanza[]): Buffer | undefined;
  /** Keeps a copy. */
  set(identities: readonly string[], age: readonly AgeStanza[], dataKey: Uint8Array): void;
  /** Forgets and zeroes all keys: at stop, and when an identity is replaced. */
  clear(): void;
}

/** @param maxEntries The keys used longest ago are forgotten first. Default 10 000, some 2 MiB. */
export function createDataKeyCache(maxEntries = 10_000): DataKeyCache {
  const keys = new Map<string, Buffer>();
  const forget = (id: string) => {
    keys.get(id)?.fill(0);
    keys.delete(id);
  };
  return {
    get(identities, age) {
      const id = idOf(identities, age);
      const key = keys.get(id);
      if (key === undefined) return undefined;
      // A Map keeps the order of insertion: putting the entry back makes it the newest.
      keys.delete(id);
      keys.set(id, key);
      return Buffer.from(key);
    },
    set(identities, age, dataKey) {
      const id = idOf(identities, age);
      forget(id);
      keys.set(id, Buffer.from(dataKey));
      for (const oldest of keys.keys()) {
        if (keys.size <= maxEntries) return;
        forget(oldest);
      }
    },
    clear() {
      for (const id of [...keys.keys()]) forget(id);
    },
  };
}

function idOf(identities: readonly string[], age: readonly AgeStanza[]): string {
  const hash = createHash('sha256');
  for (const stanza of age) hash.update(`${stanza.enc.length} `).update(stanza.enc);
  return `${[...identities].sort().join(' ')} ${hash.digest('base64')}`;
}
