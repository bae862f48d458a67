import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { settingChanges } from '../core/service-change.ts';

/** One layer before and after. */
export interface LayerDifference {
  readonly service: string;
  readonly layer: string;
  readonly before: JsonObject;
  readonly after: JsonObject;
}

/** Longest value that is worth a place in a subject line. */
const maxValueLength = 40;

/** The first line of a commit message for people who did not write one: "Set vad_threshold to 0.62 in stt-worker (prod)". */
export function describeEdit(differences: readonly LayerDifference[]): string {
  const changes = differences.flatMap(({ service, layer, before, after }) =>
    settingChanges(before, after, {}).map((change) => ({ ...change, service, layer })),
  );
  const [first] = changes;
  if (!first) return 'Change config';
  const place = `${first.service}${first.layer === 'base' ? '' : ` (${first.layer})`}`;
  if (changes.length === 1) {
    const name = first.pointer.slice(1);
    if (!('to' in first)) return `Stop setting ${name} in ${place}`;
    const value = shown(first.to as JsonValue);
    return value === null ? `Change ${name} in ${place}` : `Set ${name} to ${value} in ${place}`;
  }
  const services = new Set(changes.map(({ service }) => service));
  if (services.size > 1) return `Change ${changes.length} settings of ${services.size} services`;
  const layers = new Set(changes.map(({ layer }) => layer));
  return `Change ${changes.length} settings of ${layers.size > 1 ? first.service : place}`;
}

/** `null`: too long, or more than one line. */
function shown(value: JsonValue): string | null {
  if (isObject(value) || Array.isArray(value)) return null;
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
  return text.length <= maxValueLength && !/\p{Cc}/u.test(text) ? text : null;
}
