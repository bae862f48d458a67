/** The little that the index of a repository must know of a schema; the schema itself is not kept. */
import { eachSetting, isObject, type JsonObject, readSettings } from '@headwater/schemas/protocol';
import { checkExpansion } from './schema-expansion.ts';

export interface SchemaFacts {
  /** Environments that the service is meant for; `null` = all. */
  readonly environments: readonly string[] | null;
  /** Pointers of the settings that take shared values. */
  readonly shared: readonly string[];
}

/** A schema that cannot be read says nothing: the service is then everywhere, and judging it there reports why. */
const nothing: SchemaFacts = { environments: null, shared: [] };

export function readSchemaFacts(bytes: Uint8Array): SchemaFacts {
  const document = parseLoosely(bytes);
  if (document === null || checkExpansion(document) !== null) return nothing;
  return { environments: environmentsOf(document), shared: sharedPointers(document) };
}

/** The strict parser takes four times as long, and a start reads every schema: what it would refuse is refused by the verdict. */
function parseLoosely(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    );
    return isObject(value) ? value : null;
  } catch {
    return null; // not JSON: the verdict says so, with its place
  }
}

/** Facts of a schema that is too large to read. */
export const unreadableSchema: SchemaFacts = nothing;

function environmentsOf(document: JsonObject): readonly string[] | null {
  const annotation = document['x-hw'];
  const listed = isObject(annotation) ? annotation.environments : undefined;
  // Anything but a list is a finding of the schema, and says nothing about where the service runs.
  return Array.isArray(listed) ? listed.filter((name) => typeof name === 'string') : null;
}

function sharedPointers(document: JsonObject): string[] {
  const pointers: string[] = [];
  for (const setting of eachSetting(readSettings(document))) {
    if (setting.annotations.shared) pointers.push(setting.pointer);
  }
  return pointers;
}
