/** Files beside those that an edit changes, looked up together: schemas say how lists merge, bases how new overlays are written. */
import type { JsonObject } from '@headwater/schemas/protocol';
import { mergeKeysOf, servicesIn } from '../core/merge/merge-keys.ts';
import type { MergeKeys } from '../core/merge/merge-values.ts';
import type { CommitId, FileState } from '../ports.ts';
import type { MergeDeps } from './merge-deps.ts';
import { type FileVersion, readVersion } from './read-version.ts';

export interface Neighbours {
  /** @param versions All that is known of the file: a preset names its services inside. */
  mergeKeys(path: string, versions: readonly FileVersion[], desired: JsonObject | null): Promise<MergeKeys>;
  /** Text whose style a new file takes: that of the base beside an overlay. */
  style(path: string): Promise<string | undefined>;
}

export function createNeighbours(tip: CommitId, paths: Iterable<string>, deps: MergeDeps): Neighbours {
  const documents = new Map<string, Promise<FileVersion>>();
  const expected = new Set(expectedFor(paths));
  let listed: Promise<ReadonlyMap<string, FileState>> | null = null;

  const find = async (path: string): Promise<FileState | undefined> => {
    if (!expected.has(path)) return (await deps.reader.findFiles(tip, [path])).get(path);
    // One pass for all of them, when the first is asked for: a tree of ten thousand services is not searched ten thousand times.
    listed ??= deps.reader.findFiles(tip, expected);
    return (await listed).get(path);
  };
  const read = (path: string): Promise<FileVersion> => {
    const known = documents.get(path) ?? find(path).then((file) => readVersion(file, deps.readBlob));
    documents.set(path, known);
    return known;
  };

  return {
    async mergeKeys(path, versions, desired) {
      const named = versions.map((version) => (version.kind === 'document' ? version.value : undefined));
      const schemas = new Map<string, JsonObject>();
      for (const service of servicesIn(path, [...named, desired ?? undefined])) {
        const schema = await read(schemaPath(service));
        if (schema.kind === 'document') schemas.set(service, schema.value);
      }
      return mergeKeysOf(path, schemas);
    },
    async style(path) {
      const base = baseOf(path);
      if (base === null) return undefined;
      const version = await read(base);
      return version.kind === 'document' ? version.text : undefined;
    },
  };
}

function* expectedFor(paths: Iterable<string>): Generator<string> {
  for (const path of paths) {
    const base = baseOf(path);
    if (base !== null) yield base;
    for (const service of servicesIn(path, [])) yield schemaPath(service);
  }
}

const schemaPath = (service: string): string => `schemas/${service}.schema.json`;

/** "services/a/config.prod.json" -> "services/a/config.json". */
function baseOf(path: string): string | null {
  const base = path.replace(/\/([a-z]+)\.[^/.]+\.json$/, '/$1.json');
  return base === path ? null : base;
}
