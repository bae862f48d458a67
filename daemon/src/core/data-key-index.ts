/**
 * Which secrets files of a tree have the same data key: one of them is a copy of the other, and whoever may read the copy would get the
 * secrets of the original. No key is needed to see it: a data key is wrapped anew for every file, and who cannot open the wrapping
 * cannot make another one.
 */
import { createHash } from 'node:crypto';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { readAgeHeader } from '../secrets/age/age-header.ts';
import { maxStanzaBytes } from '../secrets/sops/data-key.ts';
import { parseSopsFile } from '../secrets/sops/parse-sops-file.ts';

export class DataKeyIndex {
  #paths = new Map<string, ReadonlySet<string>>();
  #tags = new Map<string, readonly string[]>();

  /** A copy that goes its own way. */
  fork(): DataKeyIndex {
    const copy = new DataKeyIndex();
    copy.#paths = new Map(this.#paths);
    copy.#tags = new Map(this.#tags);
    return copy;
  }

  /**
   * Takes over one secrets file.
   * @param tags What `dataKeyTags` says of it; none when it is gone.
   * @returns Other paths that are, or were, copies of it.
   */
  place(path: string, tags: readonly string[]): ReadonlySet<string> {
    const before = this.#tags.get(path) ?? [];
    const concerned = new Set([...before, ...tags].flatMap((tag) => [...(this.#paths.get(tag) ?? [])]));
    concerned.delete(path);
    for (const tag of before) this.#set(tag, (paths) => paths.delete(path));
    for (const tag of tags) this.#set(tag, (paths) => paths.add(path));
    if (tags.length === 0) this.#tags.delete(path);
    else this.#tags.set(path, tags);
    return concerned;
  }

  /** Another path with the data key of this one, the first by name; `null` when it has a key of its own. */
  copyOf(path: string): string | null {
    const others = (this.#tags.get(path) ?? []).flatMap((tag) => [...(this.#paths.get(tag) ?? [])]);
    return others.filter((other) => other !== path).sort()[0] ?? null;
  }

  #set(tag: string, change: (paths: Set<string>) => void): void {
    const paths = new Set(this.#paths.get(tag));
    change(paths);
    if (paths.size === 0) this.#paths.delete(tag);
    else this.#paths.set(tag, paths);
  }
}

/** Names the wrapped data keys of a secrets file: files with an equal tag have the same one. None for what is no SOPS file. */
export function dataKeyTags(bytes: Uint8Array): readonly string[] {
  try {
    return parseSopsFile(bytes).metadata.age.flatMap(({ enc }) => tagOf(enc));
  } catch (error) {
    if (isHeadwaterError(error)) return []; // the verdict says what is wrong
    throw error;
  }
}

/** Without its armor, which could be written in other ways. */
function tagOf(enc: string): string[] {
  try {
    return [createHash('sha256').update(readAgeHeader(enc, maxStanzaBytes).file).digest('base64')];
  } catch (error) {
    if (isHeadwaterError(error)) return [];
    throw error;
  }
}
