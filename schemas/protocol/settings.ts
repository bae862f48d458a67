/**
 * What a service schema says about its settings: a plain tree read from JSON Schema 2020-12 and its `x-hw` annotations. One
 * reading for the daemon, the client, the command line and the web editor. Defaults follow docs/protocol.md §9: from `properties`
 * (through local `$ref` and `allOf`; not through anyOf, oneOf, if, and not inside array items).
 */
import { HeadwaterError } from './errors.ts';
import { isObject, type JsonObject, type JsonValue, maxJsonDepth } from './json.ts';
import { formatPointer, valueAt } from './pointer.ts';

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

/** Deepest setting read: a config cannot be deeper, so nothing that a schema marks as secret is missed. */
const maxDepth = maxJsonDepth;
/** Most schemas visited in one reading; a few `$ref`s can multiply into billions. */
const maxVisits = 20_000;

/** One reading of one schema. */
interface Reading {
  readonly root: JsonObject;
  visits: number;
}

/**
 * Top-level settings of a service schema, each with those below it. A schema that refers to itself is unrolled as deep as a
 * config may be.
 * @throws HeadwaterError `HW_SCHEMA_LIMIT` when references nest or multiply without end: a setting left out might be a secret.
 */
export function readSettings(schema: JsonObject): readonly Setting[] {
  const reading: Reading = { root: schema, visits: 0 };
  return childrenOf(expand(schema, reading), [], reading);
}

/** Every setting of the tree, depth first. */
export function* eachSetting(settings: readonly Setting[]): Generator<Setting> {
  for (const setting of settings) {
    yield setting;
    yield* eachSetting(setting.children);
  }
}

/**
 * Config made of the schema's defaults alone.
 * @throws HeadwaterError `HW_SCHEMA_LIMIT`, as `readSettings`.
 */
export function defaultsOf(schema: JsonObject): JsonObject {
  const schemas = expand(schema, { root: schema, visits: 0 });
  const root = fill(firstKeyword(schemas, 'default'), readSettings(schema), new Set(schemas));
  return isObject(root) ? root : {};
}

/** An object's own default first, then its children's; an absent object appears only if a child has a default. */
function fill(
  own: JsonValue | undefined,
  children: readonly Setting[],
  above: ReadonlySet<JsonObject>,
): JsonValue | undefined {
  if (own !== undefined && !isObject(own)) return own;
  const result: Record<string, JsonValue> = { ...own };
  for (const child of children) {
    if (child.annotations.secret) {
      delete result[child.name];
      continue;
    }
    const given = Object.hasOwn(result, child.name);
    // A schema inside itself would fill itself for ever: there, defaults complete only what is present.
    if (!given && child.schemas.some((schema) => above.has(schema))) continue;
    const present = given ? result[child.name] : firstKeyword(child.schemas, 'default');
    const value = fill(present, child.children, new Set([...above, ...child.schemas]));
    if (value !== undefined) result[child.name] = value;
  }
  return own === undefined && Object.keys(result).length === 0 ? undefined : result;
}

function childrenOf(schemas: readonly JsonObject[], path: readonly string[], reading: Reading): Setting[] {
  if (path.length >= maxDepth) return [];
  const required = new Set(
    schemas.flatMap((schema) => (Array.isArray(schema.required) ? schema.required : [])),
  );
  const names = new Map<string, JsonObject[]>();
  for (const schema of schemas) {
    if (!isObject(schema.properties)) continue;
    for (const [name, property] of Object.entries(schema.properties)) {
      const own = isObject(property) ? expand(property, reading) : [];
      if (property !== false) names.set(name, [...(names.get(name) ?? []), ...own]);
    }
  }
  return [...names].map(([name, own]) => ({
    name,
    pointer: formatPointer([...path, name]),
    schemas: own,
    required: required.has(name),
    annotations: readAnnotations(own),
    children: childrenOf(own, [...path, name], reading),
  }));
}

/** A schema, then what it refers to locally and what it joins by `allOf`, each once. Reference cycles end. */
function expand(schema: JsonObject, reading: Reading): JsonObject[] {
  const found = new Set<JsonObject>();
  const collect = (part: JsonObject, depth: number): void => {
    if (found.has(part)) return;
    if (++reading.visits > maxVisits || depth > maxDepth) tooLarge();
    found.add(part);
    const referred = typeof part.$ref === 'string' ? resolveLocal(part.$ref, reading.root) : undefined;
    if (referred) collect(referred, depth + 1);
    if (Array.isArray(part.allOf)) for (const one of part.allOf) if (isObject(one)) collect(one, depth + 1);
  };
  collect(schema, 0);
  return [...found];
}

function tooLarge(): never {
  throw new HeadwaterError('HW_SCHEMA_LIMIT', {
    message: `the references of the schema nest deeper than ${maxDepth} or lead to more than ${maxVisits} places`,
    hint: 'Write out settings in place of references that multiply.',
  });
}

function resolveLocal(ref: string, root: JsonObject): JsonObject | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  try {
    const value = valueAt(root, decodeURIComponent(ref.slice(1)));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // a broken escape names nothing
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
