/** From the signed document to what the program reads: own defaults where a setting is missing, then overrides, then secrets, then frozen. */
import { isObject, type JsonObject, type JsonValue, parsePointer } from '@headwater/schemas/protocol';
import { deepFreeze } from './freeze.ts';
import { attachSecrets, type SecretSlots } from './secrets/attach-secrets.ts';

/** The document comes whole from one source; only the process environment stands above it. */
export function effectiveConfig(
  document: JsonObject,
  defaults: JsonObject,
  overrides: ReadonlyMap<string, JsonValue>,
  secrets: SecretSlots,
): JsonObject {
  let config = fillDefaults(document, defaults);
  for (const [pointer, value] of overrides) config = withValue(config, parsePointer(pointer), value);
  return deepFreeze(attachSecrets(config, secrets));
}

/** Settings that the document lacks; what it has is shared, not copied. */
export function fillDefaults(document: JsonObject, defaults: JsonObject): JsonObject {
  let filled: Record<string, JsonValue> | null = null;
  for (const [name, fallback] of Object.entries(defaults)) {
    const own = Object.hasOwn(document, name) ? document[name] : undefined;
    let value = own;
    if (own === undefined) value = fallback;
    else if (isObject(own) && isObject(fallback)) value = fillDefaults(own, fallback);
    if (value === own || value === undefined) continue;
    filled ??= { ...document };
    filled[name] = value;
  }
  return filled ?? document;
}

function withValue(document: JsonObject, parts: readonly string[], value: JsonValue): JsonObject {
  const [name, ...rest] = parts;
  if (name === undefined) return document;
  const below = Object.hasOwn(document, name) ? document[name] : undefined;
  const next = rest.length === 0 ? value : withValue(isObject(below) ? below : {}, rest, value);
  return { ...document, [name]: next };
}
