/** Keeps what was used last, up to a number of bytes. */
export interface ByteCache<T> {
  get(key: string): T | undefined;
  /** `bytes` is what the entry weighs; one that weighs more than a quarter of the cache is not kept. */
  set(key: string, value: T, bytes: number): void;
}

export function createByteCache<T>(maxBytes: number): ByteCache<T> {
  // Besides its content an entry costs its key, its objects and its place in the map.
  const overhead = 400;
  const entries = new Map<string, { readonly value: T; readonly bytes: number }>();
  let total = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // A Map keeps insertion order: moved to the end, it is the last to go.
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      const weight = bytes + overhead;
      if (weight > maxBytes / 4 || entries.has(key)) return;
      entries.set(key, { value, bytes: weight });
      total += weight;
      for (const [oldest, entry] of entries) {
        if (total <= maxBytes) break;
        entries.delete(oldest);
        total -= entry.bytes;
      }
    },
  };
}
