/** Values for many services, written into one layer: only what differs, in one commit. For presets, imports and promotions. */
import type { ValueDifference } from '@headwater/schemas/http';
import {
  equalValues,
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  valueAt,
} from '@headwater/schemas/protocol';
import { readWithin } from '../core/files.ts';
import { parseConfig } from '../core/parse-config.ts';
import { resolveConfig } from '../core/resolve.ts';
import type { FileChange } from '../editing/edit.ts';
import { editTarget } from '../editing/edit-target.ts';
import type { LiveConfigs } from '../live-configs.ts';
import type { PlanDeps } from './change-plan.ts';
import { LayerDocuments } from './layer-documents.ts';
import { type Newest, newest } from './newest.ts';

/** Service → values; objects are merged, everything else is one value. */
export type ServiceValues = Readonly<Record<string, JsonObject>>;

export interface PlannedValues {
  readonly at: Newest;
  readonly files: readonly FileChange[];
  readonly differences: readonly ValueDifference[];
  readonly missing: readonly string[];
}

export interface ValuesDeps extends PlanDeps {
  readonly live: LiveConfigs;
}

/**
 * @param layer "base" or an environment.
 * @throws HeadwaterError `HW_NOT_FOUND` for a layer that is not there; `HW_EDIT_CONFLICT` for a file that cannot be read.
 */
export async function planValues(
  values: ServiceValues,
  layer: string,
  deps: ValuesDeps,
): Promise<PlannedValues> {
  const at = newest(deps);
  const missing: string[] = [];
  const present: { service: string; current: JsonObject }[] = [];
  for (const service of Object.keys(values).sort()) {
    const current = await currentValues(service, layer, at, deps);
    if (current === null) missing.push(service);
    else present.push({ service, current });
  }
  const documents = new LayerDocuments(at, deps);
  await documents.load(present.map(({ service }) => ({ service, layer })));
  const differences: ValueDifference[] = [];
  for (const { service, current } of present) {
    for (const [pointer, to] of leaves(values[service] as JsonObject, [])) {
      const from = valueAt(current, pointer) as JsonValue | undefined;
      if (from !== undefined && equalValues(from, to)) continue;
      documents.set({ service, layer }, pointer, to);
      differences.push({ service, pointer, ...(from === undefined ? {} : { from }), to });
    }
  }
  return { at, files: documents.changes(), differences, missing };
}

/** What the layer resolves to at the newest commit: for "base" without any overlay. `null`: no such service there. */
async function currentValues(
  service: string,
  layer: string,
  at: Newest,
  { live, readBlob }: ValuesDeps,
): Promise<JsonObject | null> {
  const environments = layer === 'base' ? at.index.environments() : [layer];
  const env = environments.find((one) => at.index.inputs(service, one) !== null);
  if (env === undefined) {
    // A layer that is no environment is a mistake, a service that is not there is told.
    if (layer !== 'base' && !at.index.environments().includes(layer)) editTarget(at.index, service, layer);
    return null;
  }
  const resolved = live.atTip(env, service);
  // What is not valid now has no values: everything is written.
  if (resolved === null) return {};
  if (layer !== 'base') return resolved.config;
  const below = at.index
    .inputs(service, env)
    ?.layers.filter(({ layer: one }) => one === 'shared' || one === 'base');
  const layers = [];
  for (const { layer: name, oid } of below ?? []) {
    const bytes = await readWithin(readBlob, oid);
    const parsed = bytes && parseConfig(bytes);
    if (parsed && 'value' in parsed) layers.push({ layer: name, value: parsed.value });
  }
  return resolveConfig(resolved.schema, layers).config;
}

/** Every value that is no object with members. */
function* leaves(value: JsonObject, path: readonly string[]): Generator<[pointer: string, value: JsonValue]> {
  for (const [name, child] of Object.entries(value)) {
    if (isObject(child) && Object.keys(child).length > 0) yield* leaves(child, [...path, name]);
    else yield [formatPointer([...path, name]), child];
  }
}
