/**
 * Reading settings out of a schema follows `$ref`, `allOf` and `properties`. A schema that refers to itself on that way, or fans out
 * exponentially, would keep every reader busy for ever: it is refused here, before anything else reads it.
 */
import {
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
} from '@headwater/schemas/protocol';
import type { FileProblem } from './parse-config.ts';

/** Schema objects visited while reading the settings of one schema. The largest honest schemas need some hundreds. */
export const maxExpandedSchemas = 10_000;
/** Settings, nested ones included. Ajv's generated code for more overflows the stack. */
export const maxSettings = 1_000;
/** Objects within objects, `$ref` and `allOf` counted: `readSettings` follows no more. */
const maxDepth = 32;

/** `null` when the schema's settings can be read at a bounded cost. */
export function checkExpansion(document: JsonObject): FileProblem | null {
  const walk: Walk = { root: document, visits: 0, settings: 0, problem: null };
  visitObject(walk, [document], [], new Set());
  return walk.problem;
}

/** A schema with everything that it joins by `$ref` and `allOf`. The document has passed `checkExpansion`. */
export function joinedSchemas(root: JsonObject, schema: JsonObject): readonly JsonObject[] {
  const joined: JsonObject[] = [];
  join({ root, visits: 0, settings: 0, problem: null }, schema, [], new Set(), joined);
  return joined;
}

/** What a local reference names: "#", or "#/…" with `~0`, `~1` and percent escapes. `undefined` when there is nothing. */
export function resolveRef(root: JsonObject, ref: string): JsonValue | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let value: JsonValue | undefined = root;
  for (const raw of ref.slice(2).split('/')) {
    const part = decode(raw);
    if (part === null || typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as JsonObject)[part];
  }
  return value;
}

/** Where a schema speaks of a setting: the deepest `properties` entry on the way to it that stands in the document itself. */
export function schemaPointerOf(document: JsonObject, settingPointer: string): string {
  let place = '';
  let schema: JsonValue | undefined = document;
  for (const part of parsePointer(settingPointer)) {
    const properties: JsonValue | undefined = isObject(schema) ? schema.properties : undefined;
    if (!isObject(properties) || !Object.hasOwn(properties, part)) break;
    place += formatPointer(['properties', part]);
    schema = properties[part];
  }
  return place;
}

interface Walk {
  readonly root: JsonObject;
  visits: number;
  settings: number;
  problem: FileProblem | null;
}

function visitObject(
  walk: Walk,
  starts: readonly JsonObject[],
  path: readonly string[],
  above: ReadonlySet<JsonObject>,
): void {
  const schemas: JsonObject[] = [];
  for (const start of starts) join(walk, start, path, new Set(), schemas);
  if (schemas.some((schema) => above.has(schema))) {
    refuse(walk, path, 'the schema of this setting contains itself', 'HW_SCHEMA_INVALID');
  }
  const below = new Set([...above, ...schemas]);
  for (const [name, properties] of propertiesOf(schemas)) {
    if (++walk.settings > maxSettings) refuse(walk, [], `more than ${maxSettings} settings`);
    if (walk.problem) return;
    visitObject(walk, properties, [...path, name], below);
  }
}

/** Collects a schema with everything that it joins in place. */
function join(
  walk: Walk,
  schema: JsonObject,
  path: readonly string[],
  open: Set<JsonObject>,
  out: JsonObject[],
): void {
  if (++walk.visits > maxExpandedSchemas)
    refuse(walk, path, `more than ${maxExpandedSchemas} schemas by $ref and allOf`);
  if (open.has(schema)) refuse(walk, path, 'a $ref leads back to itself', 'HW_SCHEMA_INVALID');
  if (path.length + open.size >= maxDepth)
    refuse(walk, path, `deeper than ${maxDepth} levels of settings, $ref and allOf`);
  if (walk.problem) return;
  out.push(schema);
  open.add(schema);
  const referred = typeof schema.$ref === 'string' ? resolveRef(walk.root, schema.$ref) : undefined;
  if (isObject(referred)) join(walk, referred, path, open, out);
  for (const part of Array.isArray(schema.allOf) ? schema.allOf : []) {
    if (isObject(part)) join(walk, part, path, open, out);
  }
  open.delete(schema);
}

function propertiesOf(schemas: readonly JsonObject[]): Map<string, JsonObject[]> {
  const names = new Map<string, JsonObject[]>();
  for (const schema of schemas) {
    if (!isObject(schema.properties)) continue;
    for (const [name, property] of Object.entries(schema.properties)) {
      if (isObject(property)) names.set(name, [...(names.get(name) ?? []), property]);
    }
  }
  return names;
}

function refuse(
  walk: Walk,
  path: readonly string[],
  message: string,
  code: FileProblem['code'] = 'HW_SCHEMA_LIMIT',
): void {
  const hint = 'Write the schema out without recursion, or describe less in it.';
  const place = path.length > 0 ? `: setting ${formatPointer(path)}` : '';
  walk.problem ??= { code, pointer: '', message: message + place, hint };
}

function decode(raw: string): string | null {
  try {
    return decodeURIComponent(raw).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return null; // a broken escape names nothing
  }
}
