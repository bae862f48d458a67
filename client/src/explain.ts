/** Answers about one setting: its value, and where it comes from. */
import { type JsonObject, type JsonValue, parsePointer, valueAt } from '@headwater/schemas/protocol';
import type { Held, MachineState } from './machine-state.ts';
import { attachSecrets, slotsOf } from './secrets/attach-secrets.ts';
import type { SecretSlot } from './secrets/secret-slot.ts';
import type { Explanation, SecretReading } from './types.ts';

export interface ExplainSources {
  /** What the program reads. */
  readonly config: JsonObject;
  /** Overrides in force, secrets left out. */
  readonly overrides: ReadonlyMap<string, JsonValue>;
  readonly state: Pick<MachineState, 'held' | 'isConfirmed'>;
}

/** @throws HeadwaterError `HW_USAGE` when it is no pointer. */
export function explain(pointer: string, sources: ExplainSources): Explanation {
  const slot = slotsOf(sources.config).get(pointer);
  if (slot) return withSecret(placeOfSecret(slot, sources.state), slot);
  const value = valueAt(sources.config, pointer) as JsonValue | undefined;
  return { value, ...placeOf(pointer, value, sources) };
}

/** @throws HeadwaterError `HW_USAGE` when it is no pointer. */
export function readSecret(pointer: string, sources: ExplainSources): SecretReading {
  parsePointer(pointer);
  const slot = slotsOf(sources.config).get(pointer);
  if (!slot) return { isAvailable: false, ...notSet };
  if (slot.problem) return { isAvailable: false, ...slot.problem };
  return withSecret({ isAvailable: true, source: placeOfSecret(slot, sources.state).source }, slot);
}

const notSet = {
  reason: 'absent',
  message: 'nobody set it, or it is no secret setting',
  hint: 'Set it with `headwater secrets set`, and check the pointer.',
} as const;

/** The object with a `value` that can be read and is not shown. */
function withSecret<T>(object: object, slot: SecretSlot): T {
  return Object.freeze(attachSecrets(object as JsonObject, new Map([['/value', slot]]))) as T;
}

function placeOfSecret(slot: SecretSlot, { held, isConfirmed }: ExplainSources['state']) {
  if (slot.isOverride) return { source: 'env', epoch: held?.epoch ?? null } as const;
  if (held === null) return { source: 'defaults', epoch: null } as const;
  return placeOfDocument(held, isConfirmed);
}

function placeOf(pointer: string, value: JsonValue | undefined, { overrides, state }: ExplainSources) {
  const { held, isConfirmed } = state;
  for (const overridden of overrides.keys()) {
    if (pointer === overridden || pointer.startsWith(`${overridden}/`))
      return { source: 'env', epoch: held?.epoch ?? null } as const;
  }
  const isDefault = value !== undefined && valueAt(held?.config, pointer) === undefined;
  if (held === null || isDefault) return { source: 'defaults', epoch: null } as const;
  return placeOfDocument(held, isConfirmed);
}

function placeOfDocument(held: Held, isConfirmed: boolean) {
  return { source: isConfirmed ? 'live' : held.source, epoch: held.epoch } as const;
}
