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

const plans = new WeakMap<JsonObject, SchemaPlan>();

/** The plan of a schema that passed `checkExpansion`; remembered as long as the document lives. */
export function planOf(schema: JsonObject): SchemaPlan {
  const known = plans.get(schema);
  if (known) return known;
  const settings = readSettings(schema);
  const all = [...eachSetting(settings)];
  const plan: SchemaPlan = {
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
  plans.set(schema, plan);
  return plan;
}
