/** What a scope shows: the values its layer sets, and those it inherits from the layers below. */
import {
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';

/** Layers of a service, lowest first: "defaults", "shared", "base", then environments from the root of `extends` on. */
export type Layers = Readonly<Record<string, JsonObject>>;

/** Layers that can be edited: base and the environments. */
export const editableLayers = (layers: Layers): readonly string[] =>
  Object.keys(layers).filter((name) => name !== 'defaults' && !name.startsWith('shared'));

export interface Inherited {
  readonly value: JsonValue;
  /** Layer that sets it. */
  readonly from: string;
}

/** The value a setting has without the layer's own one; `null` when no layer below sets it. */
export function inheritedValue(layers: Layers, layer: string, pointer: string): Inherited | null {
  let found: Inherited | null = null;
  for (const [name, document] of Object.entries(layers)) {
    if (name === layer) break;
    const value = valueAt(document, pointer) as JsonValue | undefined;
    if (value !== undefined) found = { value, from: name };
    // A whole object or null above the setting replaces what lies below it.
    else if (isReplaced(document, pointer)) found = null;
  }
  return found;
}

/** Layers above this one that set the setting, too: what is edited here does not show there. */
export function overridingLayers(layers: Layers, layer: string, pointer: string): readonly string[] {
  const names = Object.keys(layers);
  return names
    .slice(names.indexOf(layer) + 1)
    .filter((name) => valueAt(layers[name] ?? {}, pointer) !== undefined);
}

/** True when some object on the way to the setting is something else in this layer. */
function isReplaced(document: JsonObject, pointer: string): boolean {
  let at: JsonValue = document;
  for (const name of parsePointer(pointer)) {
    if (!isObject(at)) return true;
    if (!Object.hasOwn(at, name)) return false;
    at = at[name] as JsonValue;
  }
  return false;
}
