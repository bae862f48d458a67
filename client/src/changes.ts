/** What differs between two documents, as people speak of settings: an array that differs is one change. */
import { equalValues, formatPointer, isObject, type JsonValue } from '@headwater/schemas/protocol';

export interface Change {
  /** JSON Pointer of the setting. */
  readonly path: string;
  /** `undefined`: it was not there. */
  readonly from: JsonValue | undefined;
  /** `undefined`: it is gone. */
  readonly to: JsonValue | undefined;
}

export function changesBetween(from: JsonValue, to: JsonValue): Change[] {
  const changes: Change[] = [];
  collect(from, to, [], changes);
  return changes;
}

function collect(
  from: JsonValue | undefined,
  to: JsonValue | undefined,
  path: readonly string[],
  changes: Change[],
): void {
  if (from === to) return;
  if (isObject(from) && isObject(to)) {
    for (const key of Object.keys({ ...from, ...to }))
      collect(ownValue(from, key), ownValue(to, key), [...path, key], changes);
    return;
  }
  const isSame = from !== undefined && to !== undefined && equalValues(from, to);
  if (!isSame) changes.push({ path: formatPointer(path), from, to });
}

function ownValue(object: Record<string, JsonValue>, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
