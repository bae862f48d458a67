import { equalValues, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/**
 * A document as its author sent it, with the notes put back that the API does not show: `$schema` at the top, `$comment` in any object.
 * A note goes with its object; where the author wrote one, theirs stays.
 * @param before The file that the author started from.
 */
export function keepNotes(before: JsonObject, wanted: JsonObject): JsonObject {
  const { $schema } = before;
  const kept = keep(before, wanted) as JsonObject;
  if ($schema === undefined || Object.hasOwn(kept, '$schema')) return kept;
  return { $schema, ...kept };
}

function keep(before: JsonValue, wanted: JsonValue): JsonValue {
  if (Array.isArray(before) && Array.isArray(wanted)) return keepInList(before, wanted);
  if (!isObject(before) || !isObject(wanted)) return wanted;
  const members = Object.entries(wanted).map(([key, value]): [string, JsonValue] => [
    key,
    Object.hasOwn(before, key) ? keep(before[key] as JsonValue, value) : value,
  ]);
  const { $comment } = before;
  if ($comment !== undefined && !Object.hasOwn(wanted, '$comment')) members.unshift(['$comment', $comment]);
  return Object.fromEntries(members);
}

/** Items that say the same as before keep their notes, wherever they are now; a list of the same length has its items in their places. */
function keepInList(before: readonly JsonValue[], wanted: readonly JsonValue[]): JsonValue[] {
  if (!before.some(hasNotes)) return [...wanted];
  const plain = before.map(withoutNotes);
  return wanted.map((item, i) => {
    const same = plain.findIndex((one) => equalValues(one, item));
    if (same >= 0) return before[same] as JsonValue;
    return before.length === wanted.length ? keep(before[i] as JsonValue, item) : item;
  });
}

function hasNotes(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(hasNotes);
  return isObject(value) && (Object.hasOwn(value, '$comment') || Object.values(value).some(hasNotes));
}

function withoutNotes(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutNotes);
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([key]) => key !== '$comment');
  return Object.fromEntries(members.map(([key, child]) => [key, withoutNotes(child)]));
}
