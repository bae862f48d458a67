import {
  HeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
} from '@headwater/schemas/protocol';

/**
 * A document with one setting set, making the objects on the way; `undefined` takes it away, with objects that hold nothing then.
 * @param pointer JSON Pointer to a setting, not into a list.
 * @throws HeadwaterError `HW_REQUEST_INVALID` for the whole document, or where something on the way is no object.
 */
export function setSetting(document: JsonObject, pointer: string, value: JsonValue | undefined): JsonObject {
  const path = parsePointer(pointer);
  if (path.length === 0) throw notASetting('the whole document');
  return setAt(document, path, value, pointer);
}

function setAt(
  object: JsonObject,
  path: readonly string[],
  value: JsonValue | undefined,
  pointer: string,
): JsonObject {
  const [name, ...rest] = path as [string, ...string[]];
  const members = new Map(Object.entries(object));
  const present = members.get(name);
  let next = value;
  if (rest.length > 0) {
    // What is no object is replaced when something is set below it, and has nothing below it to take away.
    if (Array.isArray(present)) throw notASetting(pointer);
    if (!isObject(present) && value === undefined) return object;
    const child = setAt(isObject(present) ? present : {}, rest, value, pointer);
    next = value === undefined && Object.keys(child).length === 0 ? undefined : child;
  }
  if (next === undefined) members.delete(name);
  else members.set(name, next);
  return Object.fromEntries(members);
}

function notASetting(pointer: string): HeadwaterError {
  return new HeadwaterError('HW_REQUEST_INVALID', {
    message: `${pointer.slice(0, 200)} is not a setting of its own`,
    hint: 'Name one setting, as in /vad_threshold; a list is one setting as a whole.',
  });
}
