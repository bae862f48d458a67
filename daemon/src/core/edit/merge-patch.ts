import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/** Applies a JSON Merge Patch (RFC 7396): objects merge, `null` removes, everything else replaces. What it does not mention stays. */
export function applyMergePatch(document: JsonValue, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const members = new Map(isObject(document) ? Object.entries(document) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) members.delete(key);
    else members.set(key, applyMergePatch(members.get(key) ?? null, value));
  }
  return Object.fromEntries(members) as JsonObject;
}
