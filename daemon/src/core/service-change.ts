/** What a change means for one service, setting by setting: for reviews, histories, dry runs. Pure. */
import type { ServiceChange, SettingChange } from '@headwater/schemas/http';
import {
  equalValues,
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  type Setting,
} from '@headwater/schemas/protocol';
import type { ServiceJudgement } from './judgement.ts';
import { planOf } from './schema-plan.ts';

/** One side; `null` = the service is not there. */
export type Side = ServiceJudgement | null;

/** @returns `null` when both sides are absent or resolve to the same. */
export function serviceChange(env: string, service: string, before: Side, after: Side): ServiceChange | null {
  if (!before && !after) return null;
  const [from, to] = [before?.resolved ?? null, after?.resolved ?? null];
  const [oldReaders, newReaders] = [from?.secrets?.recipients ?? [], to?.secrets?.recipients ?? []];
  const recipients = {
    added: newReaders.filter((reader) => !oldReaders.includes(reader)),
    removed: oldReaders.filter((reader) => !newReaders.includes(reader)),
  };
  const haveReadersChanged = recipients.added.length + recipients.removed.length > 0;
  const isComparable = (from || !before) && (to || !after);
  const change: ServiceChange = {
    env,
    service,
    kind: !before ? 'added' : !after ? 'removed' : 'changed',
    settings: isComparable
      ? settingChanges(from?.config ?? {}, to?.config ?? {}, (to ?? from)?.schemaDocument ?? {})
      : [],
    schemaChanged: from !== null && to !== null && from.schema !== to.schema,
    secretsChanged: (from?.secrets?.rev ?? null) !== (to?.secrets?.rev ?? null),
    ...(haveReadersChanged ? { recipients } : {}),
    ...(after ? { valid: to !== null } : {}),
  };
  const isSame =
    change.kind === 'changed' &&
    isComparable &&
    change.settings.length === 0 &&
    !change.schemaChanged &&
    !change.secretsChanged;
  return isSame ? null : change;
}

/** Settings that differ between two configs. @param schema Says which of them need a restart, and their units. */
export function settingChanges(from: JsonObject, to: JsonObject, schema: JsonObject): SettingChange[] {
  const settings = planOf(schema).settings;
  return [...differences(from, to, [])]
    .map(({ path, from: before, to: after }) => ({
      pointer: formatPointer(path),
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
      ...rulesOf(settings, path),
    }))
    .sort((a, b) => (a.pointer < b.pointer ? -1 : 1));
}

interface Difference {
  readonly path: readonly string[];
  readonly from: JsonValue | undefined;
  readonly to: JsonValue | undefined;
}

function* differences(
  from: JsonValue | undefined,
  to: JsonValue | undefined,
  path: readonly string[],
): Generator<Difference> {
  // An object that comes or goes is told by its settings; an empty one has none to tell of.
  const areObjects = [from, to].every((side) => side === undefined || isObject(side));
  if (areObjects && (isFilled(from) || isFilled(to))) {
    const [before, after] = [from as JsonObject | undefined, to as JsonObject | undefined];
    for (const key of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]))
      yield* differences(own(before, key), own(after, key), [...path, key]);
    return;
  }
  if (path.length > 0 && !(from !== undefined && to !== undefined && equalValues(from, to)) && from !== to)
    yield { path, from, to };
}

const isFilled = (value: JsonValue | undefined): value is JsonObject =>
  isObject(value) && Object.keys(value).length > 0;

const own = (value: JsonObject | undefined, key: string): JsonValue | undefined =>
  value && Object.hasOwn(value, key) ? value[key] : undefined;

/** A setting needs a restart when it, or an object around it, says so. */
function rulesOf(
  settings: readonly Setting[],
  path: readonly string[],
): Pick<SettingChange, 'apply' | 'unit'> {
  let level = settings;
  let apply: SettingChange['apply'] = 'hot';
  let unit: string | undefined;
  for (const name of path) {
    const setting = level.find((one) => one.name === name);
    if (!setting) break;
    if (setting.annotations.apply === 'restart') apply = 'restart';
    unit = setting.annotations.unit;
    level = setting.children;
  }
  return { apply, ...(unit === undefined ? {} : { unit }) };
}
