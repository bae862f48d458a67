import {
  defaultsOf,
  eachSetting,
  type JsonObject,
  parsePointer,
  readSettings,
  type Setting,
} from '@headwater/schemas/protocol';

/** What resolving and checking configs needs of a schema, read once. */
export interface SchemaPlan {
  readonly settings: readonly Setting[];
  readonly defaults: JsonObject;
  readonly secrets: readonly Setting[];
  /** Of every setting, nested ones included. */
  readonly pointers: ReadonlySet<string>;
  /** Paths of settings that take shared values, subtrees included. */
  readonly shared: readonly (readonly string[])[];
  /** Pointer of a list → member that identifies its items. */
  readonly mergeKeys: ReadonlyMap<string, string>;
}

/** Plans kept: those of what is judged side by side. One weighs several times its schema, and thousands of schemas stay in use. */
const maxPlans = 256;
const plans = new Map<JsonObject, SchemaPlan>();

/** The plan of a schema that passed `checkExpansion`; made again when it was not asked for lately. */
export function planOf(schema: JsonObject): SchemaPlan {
  const known = plans.get(schema);
  if (known) return known;
  const plan = readPlan(schema);
  plans.set(schema, plan);
  for (const oldest of plans.keys()) {
    if (plans.size <= maxPlans) break;
    plans.delete(oldest);
  }
  return plan;
}

function readPlan(schema: JsonObject): SchemaPlan {
  const settings = readSettings(schema);
  const all = [...eachSetting(settings)];
  return {
    settings,
    defaults: defaultsOf(schema),
    secrets: all.filter((setting) => setting.annotations.secret),
    pointers: new Set(all.map((setting) => setting.pointer)),
    shared: all
      .filter((setting) => setting.annotations.shared)
      .map((setting) => parsePointer(setting.pointer)),
    mergeKeys: new Map(
      all.flatMap(({ pointer, annotations: { mergeKey } }) =>
        mergeKey === undefined ? [] : [[pointer, mergeKey]],
      ),
    ),
  };
}
