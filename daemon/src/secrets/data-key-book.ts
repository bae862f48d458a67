/**
 * Which data key was seen in which files. The verdict on a commit notices a copied file by how its data key is wrapped, without any
 * key; a copy of an older version, made before the original was wrapped anew (`sops updatekeys`), looks different. Whoever can open both
 * sees that the key is the same. The book keeps keyed hashes only, in memory: opening the files of a tree fills it.
 */
import { BoundedCache } from '../core/bounded-cache.ts';
import type { LayerFile } from '../core/inputs.ts';
import { dataKeyTag } from './sops/data-key.ts';

/** Blob id of the file at a path now, `null` when there is none. */
export type FileAt = (path: string) => string | null;

/** Keys kept: some generations of ten thousand files. */
const maxKeys = 30_000;

export class DataKeyBook {
  readonly #indexKey: Uint8Array;
  /** By tag: where it was seen, and in which versions of the file. */
  readonly #places = new BoundedCache<Map<string, Set<string>>>(maxKeys);
  readonly #tags = new BoundedCache<string>(maxKeys);

  /** @param indexKey Secret, 32 bytes. */
  constructor(indexKey: Uint8Array) {
    this.#indexKey = indexKey;
  }

  note({ path, oid }: Pick<LayerFile, 'path' | 'oid'>, dataKey: Uint8Array): void {
    const tag = dataKeyTag(dataKey, this.#indexKey);
    const places = this.#places.get(tag) ?? new Map<string, Set<string>>();
    places.set(path, (places.get(path) ?? new Set()).add(oid));
    this.#places.set(tag, places);
    this.#tags.set(oid, tag);
  }

  /** Another file that stands in the repository now with the data key of this one, which was opened before; `null` when there is none. */
  copyOf({ path, oid }: Pick<LayerFile, 'path' | 'oid'>, fileAt: FileAt): string | null {
    const places = this.#places.get(this.#tags.get(oid) ?? '') ?? new Map<string, Set<string>>();
    const others = [...places].filter(([other, oids]) => other !== path && oids.has(fileAt(other) ?? ''));
    return others.map(([other]) => other).sort()[0] ?? null;
  }
}
