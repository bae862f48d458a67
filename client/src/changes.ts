/** What differs between two documents, as people speak of settings: an array that differs is one change. */
import { equalValues, formatPointer, isObject, type JsonValue } from '@headwater/schemas/protocol';
import { slotsOf } from './secrets/attach-secrets.ts';

export interface Change {
  /** JSON Pointer of the setting. */
  readonly path: string;
  /** `undefined`: it was not there. */
  readonly from: JsonValue | undefined;
  /** `undefined`: it is gone. */
  readonly to: JsonValue | undefined;
  /** True for a secret: `from` and `to` are `[secret]` in place of its values, `[secret unavailable]` or `undefined`. */
  readonly isSecret?: true;
}

export function changesBetween(from: JsonValue, to: JsonValue): Change[] {
  const changes: Change[] = [];
  collect(from, to, [], changes);
  collectSecrets(from, to, changes);
  return changes;
}

function collectSecrets(from: JsonValue, to: JsonValue, changes: Change[]): void {
  if (!isObject(from) || !isObject(to)) return;
  const [before, after] = [slotsOf(from), slotsOf(to)];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(path), after.get(path)];
    const isSame = old && now ? now.equals(old) : old === now;
    if (!isSame) changes.push({ path, from: old?.shown, to: now?.shown, isSecret: true });
  }
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
