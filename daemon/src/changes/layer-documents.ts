/** Layers of services at one commit, changed setting by setting: what one commit for many services is made from. */
import { equalValues, HeadwaterError, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { setSetting } from '../core/edit/set-setting.ts';
import type { FileChange } from '../editing/edit.ts';
import { editTarget } from '../editing/edit-target.ts';
import { type FileVersion, readVersion } from '../editing/read-version.ts';
import type { PlanDeps } from './change-plan.ts';
import type { Newest } from './newest.ts';

/** One layer of one service: "base" or an environment. */
export interface LayerName {
  readonly service: string;
  readonly layer: string;
}

export class LayerDocuments {
  readonly #at: Newest;
  readonly #deps: Pick<PlanDeps, 'reader' | 'readBlob'>;
  /** By path: as it is, and as it shall be. */
  readonly #files = new Map<string, { readonly before: FileVersion; now: JsonObject }>();

  constructor(at: Newest, deps: Pick<PlanDeps, 'reader' | 'readBlob'>) {
    this.#at = at;
    this.#deps = deps;
  }

  /**
   * Reads layers, all of them in one pass; a layer without a file is `{}`. Only these may be asked for and changed.
   * @throws HeadwaterError `HW_NOT_FOUND` for a service or layer that is not there, `HW_EDIT_CONFLICT` for a file that cannot be read.
   */
  async load(layers: readonly LayerName[]): Promise<void> {
    const paths = layers.map((layer) => this.#pathOf(layer)).filter((path) => !this.#files.has(path));
    const found = await this.#deps.reader.findFiles(this.#at.commit, paths);
    for (const path of new Set(paths)) {
      const before = await readVersion(found.get(path), this.#deps.readBlob);
      if (before.kind === 'unreadable') throw unreadable(path);
      this.#files.set(path, { before, now: before.kind === 'document' ? before.value : {} });
    }
  }

  /** The layer with the changes made so far. */
  read(layer: LayerName): JsonObject {
    return this.#fileOf(layer).now;
  }

  /** @param value `undefined` takes the setting away. @throws HeadwaterError `HW_REQUEST_INVALID` as `setSetting`. */
  set(layer: LayerName, pointer: string, value: JsonValue | undefined): void {
    const file = this.#fileOf(layer);
    file.now = setSetting(file.now, pointer, value);
  }

  /** The files that are not what they were. */
  changes(): FileChange[] {
    return [...this.#files].flatMap(([path, { before, now }]) => {
      const was = before.kind === 'document' ? before.value : {};
      return equalValues(was, now) ? [] : [{ kind: 'json' as const, path, desired: now }];
    });
  }

  #fileOf(layer: LayerName) {
    const file = this.#files.get(this.#pathOf(layer));
    if (file) return file;
    throw new Error(`the layer ${layer.layer} of ${layer.service} was not loaded`);
  }

  #pathOf({ service, layer }: LayerName): string {
    return editTarget(this.#at.index, service, layer).path;
  }
}

function unreadable(path: string): HeadwaterError {
  return new HeadwaterError('HW_EDIT_CONFLICT', {
    message: `${path} cannot be changed setting by setting: it is no JSON document`,
    hint: 'Save the whole document in its place.',
    details: { conflicts: [{ file: path, pointer: '' }] },
  });
}
