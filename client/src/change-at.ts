/** What a change means for one setting. */
import { equalValues, type JsonValue, valueAt } from '@headwater/schemas/protocol';
import { slotsOf } from './secrets/attach-secrets.ts';
import type { ChangeEvent } from './types.ts';

interface ValueChange {
  readonly value: JsonValue | undefined;
  readonly previous: JsonValue | undefined;
}

/**
 * The value at a pointer before and after, or `null` when a listener of it has nothing to hear. A secret that became unavailable
 * is no new value: what a program made of the old one goes on working, and the client warns.
 */
export function changeAt(pointer: string, event: ChangeEvent<unknown>): ValueChange | null {
  const { current, previous, changes } = event;
  const slot = slotsOf(current as object).get(pointer);
  if (slot?.problem) return null;
  const before = slotsOf(previous as object).get(pointer);
  const isKnown = !before?.problem;
  const value = valueAt(current, pointer) as JsonValue | undefined;
  const old = isKnown ? (valueAt(previous, pointer) as JsonValue | undefined) : undefined;
  const isBelow = changes.some(({ path, isSecret }) => isSecret && path.startsWith(`${pointer}/`));
  const isSame = value === old || (value !== undefined && old !== undefined && equalValues(value, old));
  return isSame && !isBelow ? null : { value, previous: old };
}
