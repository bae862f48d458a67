/** Values from outside -> changes to one layer of a service. Pure: it decides, the command shows and commits. */
import {
  eachSetting,
  equalValues,
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
  type Setting,
} from '@headwater/schemas/protocol';
import type { DotenvEntry } from './dotenv.ts';
import { coerceText } from './env-values.ts';
import { isSecretName, isSecretValue } from './secret-names.ts';

export interface ImportChange {
  readonly pointer: string;
  /** `undefined`: the layer does not set it yet. */
  readonly from: JsonValue | undefined;
  readonly to: JsonValue;
}

export interface ImportPlan {
  /** The layer's document with everything merged in. */
  readonly document: JsonObject;
  readonly changes: readonly ImportChange[];
  /** Where a secret would land in plain config: variable or pointer. */
  readonly secrets: readonly string[];
  /** What no setting takes: variables or pointers. */
  readonly unknown: readonly string[];
  /** What does not fit its setting: variable or pointer, and the setting's pointer. */
  readonly unfit: readonly { readonly source: string; readonly pointer: string }[];
}

/** A variable belongs to the setting that names it in `x-hw.env`, else to the top-level setting of the same name. */
export function planEnvImport(
  entries: readonly DotenvEntry[],
  settings: readonly Setting[],
  layer: JsonObject,
): ImportPlan {
  const byName = new Map(settings.map((setting) => [setting.name.toLowerCase(), setting]));
  for (const setting of eachSetting(settings)) {
    if (setting.annotations.env !== undefined) byName.set(`env ${setting.annotations.env}`, setting);
  }
  const plan = startPlan(layer);
  for (const { name, value } of entries) {
    const setting = byName.get(`env ${name}`) ?? byName.get(name.toLowerCase());
    if (setting === undefined) plan.unknown.push(name);
    else if (setting.annotations.secret || isSecretValue(value)) plan.secrets.push(name);
    else {
      const coerced = coerceText(value, setting);
      if (coerced === undefined) plan.unfit.push({ source: name, pointer: setting.pointer });
      else plan.set(setting.pointer, coerced);
    }
  }
  return plan.finish();
}

/** A document in the shape of the config: objects merge, everything else replaces. */
export function planJsonImport(
  values: JsonObject,
  settings: readonly Setting[],
  layer: JsonObject,
): ImportPlan {
  const plan = startPlan(layer);
  const visit = (object: JsonObject, known: readonly Setting[], path: readonly string[], isOpen: boolean) => {
    for (const [name, value] of Object.entries(object)) {
      const pointer = formatPointer([...path, name]);
      const setting = known.find((one) => one.name === name);
      if (setting === undefined && !isOpen) plan.unknown.push(pointer);
      else if (setting?.annotations.secret || isSecretValue(value) || (!setting && isSecretName(name, value)))
        plan.secrets.push(pointer);
      else if (isObject(value))
        visit(value, setting?.children ?? [], [...path, name], !setting || setting.children.length === 0);
      else plan.set(pointer, value);
    }
  };
  visit(values, settings, [], settings.length === 0);
  return plan.finish();
}

function startPlan(layer: JsonObject) {
  const document = structuredClone(layer) as Record<string, JsonValue>;
  const changes: ImportChange[] = [];
  const secrets: string[] = [];
  const unknown: string[] = [];
  const unfit: { source: string; pointer: string }[] = [];
  return {
    secrets,
    unknown,
    unfit,
    set(pointer: string, to: JsonValue) {
      const from = put(document, parsePointer(pointer), to);
      if (from === undefined || !equalValues(from, to)) changes.push({ pointer, from, to });
    },
    finish: (): ImportPlan => ({ document, changes, secrets, unknown, unfit }),
  };
}

/** Sets a value, making the objects on the way, and returns what was there. */
function put(
  document: Record<string, JsonValue>,
  path: readonly string[],
  to: JsonValue,
): JsonValue | undefined {
  const [name, ...rest] = path as [string, ...string[]];
  const present = Object.hasOwn(document, name) ? document[name] : undefined;
  if (rest.length === 0) {
    document[name] = to;
    return present;
  }
  const child: Record<string, JsonValue> = isObject(present) ? present : {};
  document[name] = child;
  return put(child, rest, to);
}
