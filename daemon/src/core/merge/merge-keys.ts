/** Which lists of a file merge by key: what the schemas of its services say, placed where the file has those settings. */
import {
  eachSetting,
  formatPointer,
  isHeadwaterError,
  isName,
  isObject,
  type JsonObject,
  readSettings,
} from '@headwater/schemas/protocol';
import { classifyPath } from '../layout.ts';
import { type MergeKeys, noMergeKeys } from './merge-values.ts';
import { type Maybe, memberOf } from './sides.ts';

/**
 * Services whose schemas have a say in a file of the repository. Shared files have none: the services below them may differ, so their
 * lists are whole values.
 * @param versions The file's documents; a preset names its services inside.
 */
export function servicesIn(path: string, versions: readonly Maybe[]): ReadonlySet<string> {
  const role = classifyPath(path);
  if (role.kind === 'base' || role.kind === 'overlay') return new Set([role.service]);
  if (role.kind !== 'preset') return new Set();
  const named = versions.map((version) => (isObject(version) ? memberOf(version, 'services') : undefined));
  return new Set(
    named.flatMap((services) => (isObject(services) ? Object.keys(services) : [])).filter(isName),
  );
}

/** @param schemas Schema documents by service, as far as they can be read. */
export function mergeKeysOf(path: string, schemas: ReadonlyMap<string, JsonObject>): MergeKeys {
  const isPreset = classifyPath(path).kind === 'preset';
  const keys = new Map<string, string>();
  for (const [service, schema] of schemas) {
    const prefix = isPreset ? formatPointer(['services', service]) : '';
    for (const [pointer, key] of keysOfSchema(schema)) keys.set(prefix + pointer, key);
  }
  return keys;
}

function keysOfSchema(schema: JsonObject): MergeKeys {
  try {
    const marked = [...eachSetting(readSettings(schema))].flatMap(({ pointer, annotations: { mergeKey } }) =>
      mergeKey === undefined ? [] : ([[pointer, mergeKey]] as const),
    );
    return new Map(marked);
  } catch (error) {
    // Such a schema is held by its own finding; until it is mended, lists are whole values.
    if (isHeadwaterError(error, 'HW_SCHEMA_LIMIT')) return noMergeKeys;
    throw error;
  }
}
