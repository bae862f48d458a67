/**
 * What a service schema says about its settings: a plain tree read from JSON Schema 2020-12 and its `x-hw` annotations. One
 * reading for the daemon, the client, the command line and the web editor. Defaults follow docs/protocol.md §9: from `properties`
 * (through local `$ref` and `allOf`; not through anyOf, oneOf, if, and not inside array items).
 */
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { formatPointer } from './pointer.ts';

/** The `x-hw` annotation of a property; see the contract for the meaning of each. */
export interface SettingAnnotations {
  readonly level: 'simple' | 'advanced';
  readonly secret: boolean;
  readonly apply: 'hot' | 'restart';
  /** Environment variable that overrides the setting. */
  readonly env?: string;
  readonly unit?: string;
  readonly group?: string;
  readonly order?: number;
  readonly help?: string;
  readonly shared: boolean;
  readonly mergeKey?: string;
  readonly path: boolean;
  readonly text: boolean;
  readonly relates: readonly string[];
}

export interface Setting {
  readonly name: string;
  /** JSON Pointer from the root of the config. */
  readonly pointer: string;
  /** The property's schemas: itself, then what it refers to and what it joins by `allOf`. */
  readonly schemas: readonly JsonObject[];
  readonly required: boolean;
  readonly annotations: SettingAnnotations;
  /** Settings below it, when it is an object with properties. */
  readonly children: readonly Setting[];
}

/** Schemas nested deeper than this are not read further; the validator refuses them first. */
const maxDepth = 32;

/** Top-level settings of a service schema, each with those below it. */
export function readSettings(schema: JsonObject): readonly Setting[] {
  return childrenOf(expand(schema, schema, 0), [], schema, 0);
}

/** Every setting of the tree, depth first. */
export function* eachSetting(settings: readonly Setting[]): Generator<Setting> {
  for (const setting of settings) {
    yield setting;
    yield* eachSetting(setting.children);
  }
}

/** Config made of the schema's defaults alone. */
export function defaultsOf(schema: JsonObject): JsonObject {
  const root = fill(firstKeyword(expand(schema, schema, 0), 'default'), readSettings(schema));
  return isObject(root) ? root : {};
}

/** An object's own default first, then its children's; an absent object appears only if a child has a default. */
function fill(own: JsonValue | undefined, children: readonly Setting[]): JsonValue | undefined {
  if (own !== undefined && !isObject(own)) return own;
  const result: Record<string, JsonValue> = { ...own };
  for (const child of children) {
    if (child.annotations.secret) {
      delete result[child.name];
      continue;
    }
    const present = Object.hasOwn(result, child.name)
      ? result[child.name]
      : firstKeyword(child.schemas, 'default');
    const value = fill(present, child.children);
    if (value !== undefined) result[child.name] = value;
  }
  return own === undefined && Object.keys(result).length === 0 ? undefined : result;
}

function childrenOf(
  schemas: readonly JsonObject[],
  path: readonly string[],
  root: JsonObject,
  depth: number,
): Setting[] {
  if (depth > maxDepth) return [];
  const required = new Set(
    schemas.flatMap((schema) => (Array.isArray(schema.required) ? schema.required : [])),
  );
  const names = new Map<string, JsonObject[]>();
  for (const schema of schemas) {
    if (!isObject(schema.properties)) continue;
    for (const [name, property] of Object.entries(schema.properties)) {
      if (isObject(property)) names.set(name, [...(names.get(name) ?? []), ...expand(property, root, depth)]);
    }
  }
  return [...names].map(([name, own]) => ({
    name,
    pointer: formatPointer([...path, name]),
    schemas: own,
    required: required.has(name),
    annotations: readAnnotations(own),
    children: childrenOf(own, [...path, name], root, depth + 1),
  }));
}

/** A schema, then what it refers to locally and what it joins by `allOf`. Reference cycles end. */
function expand(
  schema: JsonObject,
  root: JsonObject,
  depth: number,
  seen: ReadonlySet<JsonObject> = new Set(),
): JsonObject[] {
  if (seen.has(schema) || depth > maxDepth) return [];
  const next = new Set([...seen, schema]);
  const referred = typeof schema.$ref === 'string' ? resolveLocal(schema.$ref, root) : undefined;
  const joined = Array.isArray(schema.allOf) ? schema.allOf.filter(isObject) : [];
  return [schema, ...(referred ? [referred] : []), ...joined].flatMap((part) =>
    part === schema ? [schema] : expand(part, root, depth + 1, next),
  );
}

function resolveLocal(ref: string, root: JsonObject): JsonObject | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let value: JsonValue | undefined = root;
  for (const raw of ref.slice(2).split('/')) {
    const part = decodePart(raw);
    if (part === null || !isObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return isObject(value) ? value : undefined;
}

function decodePart(raw: string): string | null {
  try {
    return decodeURIComponent(raw).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return null; // a broken escape names nothing
  }
}

function firstKeyword(schemas: readonly JsonObject[], keyword: string): JsonValue | undefined {
  return schemas.find((schema) => Object.hasOwn(schema, keyword))?.[keyword];
}

function readAnnotations(schemas: readonly JsonObject[]): SettingAnnotations {
  const merged: Record<string, JsonValue> = {};
  for (const schema of [...schemas].reverse())
    if (isObject(schema['x-hw'])) Object.assign(merged, schema['x-hw']);
  const text = (key: string) => (typeof merged[key] === 'string' ? { [key]: merged[key] } : {});
  return {
    level: merged.level === 'simple' ? 'simple' : 'advanced',
    secret: merged.secret === true,
    apply: merged.apply === 'restart' ? 'restart' : 'hot',
    shared: merged.shared === true,
    path: merged.path === true,
    text: merged.text === true,
    relates: Array.isArray(merged.relates) ? merged.relates.filter((item) => typeof item === 'string') : [],
    ...(typeof merged.order === 'number' ? { order: merged.order } : {}),
    ...text('env'),
    ...text('unit'),
    ...text('group'),
    ...text('help'),
    ...text('mergeKey'),
  };
}
