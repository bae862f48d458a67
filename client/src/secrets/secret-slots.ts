/** Which secrets a document has, and where each comes from: the process environment, else the opened bundle. */
import { type JsonObject, type Setting, valueAt } from '@headwater/schemas/protocol';
import type { SecretSlots } from './attach-secrets.ts';
import type { OpenedSecrets, SecretsProblem } from './opened-secrets.ts';
import { SecretSlot } from './secret-slot.ts';

export interface SlotSources {
  /** Secret settings of the schema in use. */
  readonly settings: readonly Setting[];
  /** From the process environment, by JSON Pointer. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly document: JsonObject;
  /** `null`: there is no document, the service runs on defaults. */
  readonly opened: OpenedSecrets | null;
  readonly target: { readonly env: string; readonly service: string };
}

/** Optional secrets that nobody set have no slot: reading them gives `undefined`, as with any optional setting. */
export function secretSlots({ settings, overrides, document, opened, target }: SlotSources): SecretSlots {
  const slots = new Map<string, SecretSlot>();
  const add = (slot: SecretSlot) => void slots.set(slot.pointer, slot);
  const values = opened?.state === 'open' ? opened.values : null;
  for (const pointer of values?.pointers ?? []) add(SecretSlot.of(pointer, values?.get(pointer) as string));
  for (const setting of settings) {
    const { pointer } = setting;
    const plain = valueAt(document, pointer);
    if (slots.has(pointer)) continue;
    // A daemon that knows an older schema delivers it as an ordinary setting; here it is a secret all the same.
    if (typeof plain === 'string') add(SecretSlot.of(pointer, plain));
    else if (opened?.state === 'unavailable') add(SecretSlot.without(pointer, opened.problem));
    else if (setting.required) add(SecretSlot.without(pointer, missing(setting, opened !== null, target)));
  }
  for (const [pointer, value] of overrides) add(SecretSlot.of(pointer, value, true));
  return slots;
}

function missing(
  { pointer, annotations }: Setting,
  hasConfig: boolean,
  { service, env }: SlotSources['target'],
): SecretsProblem {
  const byVariable = annotations.env === undefined ? '' : `, or set ${annotations.env}`;
  if (!hasConfig) {
    const hint = `Start the daemon and check the connection${byVariable}.`;
    return { reason: 'no-config', message: 'no config came yet, the service runs on defaults', hint };
  }
  const hint = `Set it: headwater secrets set ${service} ${pointer} --env ${env}${byVariable}`;
  return { reason: 'absent', message: 'it is required and was never set', hint };
}
