/**
 * JSON as SOPS sees it: members keep the order of the document (its MAC depends on it), numbers keep their text, and any key is data,
 * `__proto__` too. `JSON.parse` would move integer-like keys to the front, merge duplicates and round numbers.
 */
import type { JsonValue } from '@headwater/schemas/protocol';

export type OrderedValue = null | boolean | string | NumberText | OrderedArray | OrderedObject;
export type OrderedArray = readonly OrderedValue[];
/** A `Map` keeps the order of insertion for every key, "10" included. */
export type OrderedObject = ReadonlyMap<string, OrderedValue>;
/** What is neither `null` nor a container. */
export type OrderedScalar = boolean | string | NumberText;

/** A number as it was written: `1.0`, `1e21`, `9007199254740993`. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function isOrderedObject(value: OrderedValue | undefined): value is OrderedObject {
  return value instanceof Map;
}

export function isOrderedArray(value: OrderedValue | undefined): value is OrderedArray {
  return Array.isArray(value);
}

/** The same document with keys in their order; for values that came as plain JSON. */
export function orderedFrom(value: JsonValue): OrderedValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return new NumberText(JSON.stringify(value));
  if (Array.isArray(value)) return value.map(orderedFrom);
  return new Map(Object.entries(value).map(([key, child]) => [key, orderedFrom(child)]));
}

/** True when both say the same: keys in any order, numbers by their text. */
export function sameOrdered(a: OrderedValue | undefined, b: OrderedValue | undefined): boolean {
  if (a === b) return true;
  if (a instanceof NumberText) return b instanceof NumberText && a.text === b.text;
  if (isOrderedArray(a)) {
    return isOrderedArray(b) && a.length === b.length && a.every((item, i) => sameOrdered(item, b[i]));
  }
  if (!isOrderedObject(a) || !isOrderedObject(b) || a.size !== b.size) return false;
  return [...a].every(([key, child]) => b.has(key) && sameOrdered(child, b.get(key)));
}
