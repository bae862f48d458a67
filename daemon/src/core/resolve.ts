/**
 * Resolved config of (service, environment), under the rules that `"headwater": 1` names: defaults, then shared values where the
 * schema takes them, then base, then overlays. Objects merge, lists replace or merge by `mergeKey`, everything else replaces,
 * `null` too. Secret settings are never in it.
 */
import {
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
} from '@headwater/schemas/protocol';
import { planOf, type SchemaPlan } from './schema-plan.ts';

export interface Layer {
  /** "shared", "shared.<env>", "base" or the environment's name. */
  readonly layer: string;
  readonly value: JsonObject;
}

export interface Resolution {
  readonly config: JsonObject;
  /** Pointer of every value that is not an object with members → the layer that set it, "defaults" for the schema. Made when read. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Merges layers in their order. Pure; the schema has passed `checkExpansion`. */
export function resolveConfig(schema: JsonObject, layers: readonly Layer[]): Resolution {
  const plan = planOf(schema);
  const visible = layers.map(({ layer, value }) => ({ layer, value: visibleOf(plan, layer, value) }));
  let config = plan.defaults;
  for (const { value } of visible) config = mergeObjects(config, value, plan.mergeKeys, '');
  let origins: ReadonlyMap<string, string> | null = null;
  return {
    config,
    get origins() {
      origins ??= readOrigins(config, [{ layer: 'defaults', value: plan.defaults }, ...visible]);
      return origins;
    },
  };
}

/** True for layers of which only those settings count that the schema takes. */
export const isSharedLayer = (layer: string): boolean => layer === 'shared' || layer.startsWith('shared.');

/** The part of a layer that counts: no secrets, and of shared values only what the schema takes. */
function visibleOf(plan: SchemaPlan, layer: string, value: JsonObject): JsonObject {
  const taken = isSharedLayer(layer) ? pick(value, plan.shared) : value;
  return plan.secrets.reduce((rest, { pointer }) => without(rest, parsePointer(pointer)), taken);
}

function pick(value: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  let picked: JsonObject = {};
  for (const path of paths) {
    const found = at(value, path);
    if (found !== undefined) picked = mergeObjects(picked, wrap(path, found), noKeys, '');
  }
  return picked;
}

function at(value: JsonValue, path: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const part of path) {
    if (!isObject(found) || !Object.hasOwn(found, part)) return undefined;
    found = found[part];
  }
  return found;
}

function wrap(path: readonly string[], value: JsonValue): JsonObject {
  return path.reduceRight<JsonValue>((inner, part) => ({ [part]: inner }), value) as JsonObject;
}

function without(value: JsonObject, path: readonly string[]): JsonObject {
  const [name, ...rest] = path;
  if (name === undefined || !Object.hasOwn(value, name)) return value;
  if (rest.length === 0) {
    const { [name]: _, ...kept } = value;
    return kept;
  }
  const child = value[name];
  return isObject(child) ? { ...value, [name]: without(child, rest) } : value;
}

const noKeys: ReadonlyMap<string, string> = new Map();

function mergeObjects(
  base: JsonObject,
  over: JsonObject,
  mergeKeys: ReadonlyMap<string, string>,
  pointer: string,
): JsonObject {
  const merged: Record<string, JsonValue> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    // Pointers are only spelt out where a list may merge by key: most schemas have none.
    const below = mergeKeys.size === 0 ? '' : pointer + formatPointer([key]);
    merged[key] = Object.hasOwn(base, key) ? merge(base[key]!, value, mergeKeys, below) : value;
  }
  return merged;
}

function merge(
  base: JsonValue,
  over: JsonValue,
  mergeKeys: ReadonlyMap<string, string>,
  pointer: string,
): JsonValue {
  if (isObject(base) && isObject(over)) return mergeObjects(base, over, mergeKeys, pointer);
  const key = mergeKeys.get(pointer);
  return key !== undefined && Array.isArray(base) && Array.isArray(over) ? mergeLists(base, over, key) : over;
}

/**
 * Items with the same identity merge in place, new ones follow. When an item of either list has no identity (a text or number under
 * `key`), or one occurs twice, the list is no keyed list and is replaced.
 */
function mergeLists(base: readonly JsonValue[], over: readonly JsonValue[], key: string): JsonValue {
  const merged = byIdentity(base, key);
  const added = byIdentity(over, key);
  if (merged === null || added === null) return over;
  for (const [identity, item] of added) {
    const present = merged.get(identity);
    merged.set(identity, present === undefined ? item : mergeObjects(present, item, noKeys, ''));
  }
  return [...merged.values()];
}

function byIdentity(list: readonly JsonValue[], key: string): Map<JsonValue, JsonObject> | null {
  const items = new Map<JsonValue, JsonObject>();
  for (const item of list) {
    const identity = isObject(item) ? at(item, [key]) : undefined;
    if (typeof identity !== 'string' && typeof identity !== 'number') return null;
    if (items.has(identity)) return null;
    items.set(identity, item as JsonObject);
  }
  return items;
}

/** The last layer that holds a value at exactly this place set it: whatever lay there before was replaced. */
function readOrigins(config: JsonObject, layers: readonly Layer[]): Map<string, string> {
  const origins = new Map<string, string>();
  const visit = (value: JsonValue, path: readonly string[]): void => {
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [key, child] of Object.entries(value)) visit(child, [...path, key]);
      return;
    }
    for (let index = layers.length - 1; index >= 0; index--) {
      const { layer, value: layerValue } = layers[index]!;
      if (at(layerValue, path) === undefined) continue;
      origins.set(formatPointer(path), layer);
      return;
    }
  };
  visit(config, []);
  return origins;
}
