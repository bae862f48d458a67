/** Types that programs meet. */
import type { ClientState, Epoch, ErrorCode, JsonValue } from '@headwater/schemas/protocol';
import type { Change } from './changes.ts';
import type { Refusal } from './machine-state.ts';
import type { SecretsReason } from './secrets/opened-secrets.ts';

/** `T` with everything in it read-only: the config is deeply frozen. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

export interface ChangeEvent<T> {
  readonly previous: DeepReadonly<T>;
  readonly current: DeepReadonly<T>;
  /** JSON Pointers of the settings that differ. */
  readonly paths: readonly string[];
  readonly changes: readonly Change[];
  /** Epoch of `current`. */
  readonly epoch: Epoch;
  /** Settings that differ from `atStart` and wait for a restart. */
  readonly restartPending: readonly string[];
  /** Request that made the change, when it came through the daemon's API. */
  readonly requestId: string | null;
}

export interface StateEvent {
  readonly state: ClientState;
  /** Why it is not simply live, for example `behind`, `no-statement`, `cache-unsealed`. */
  readonly reason: string | null;
  readonly previous: ClientState;
}

/** Something an operator should know; the config goes on as it is. */
export interface Warning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A document was swapped in; it is not on disk yet. For measuring: use `change` to react. */
export interface AppliedEvent {
  readonly epoch: Epoch;
  readonly digest: string;
}

export interface ClientEvents<T> {
  readonly change: ChangeEvent<T>;
  readonly state: StateEvent;
  readonly refused: Refusal;
  readonly warning: Warning;
  readonly applied: AppliedEvent;
}

/** Where a value comes from. */
export interface Explanation {
  /** Of a secret: the plain text, shown as `[secret]` wherever the explanation is printed. Reading one that is unavailable throws. */
  readonly value: DeepReadonly<JsonValue> | undefined;
  readonly source: 'env' | 'live' | 'lkg' | 'defaults';
  /** Epoch of the document; `null` for defaults. */
  readonly epoch: Epoch | null;
}

/** Whether a secret can be read, without the error that reading it would throw. */
export type SecretReading =
  /** `value` is shown as `[secret]` wherever the reading is printed. */
  | { readonly isAvailable: true; readonly value: string; readonly source: 'env' | 'live' | 'lkg' }
  | {
      readonly isAvailable: false;
      readonly reason: SecretsReason;
      /** Why, and what to do. */
      readonly message: string;
      readonly hint: string;
    };

/** What happened so far. */
export interface Counters {
  readonly messages: number;
  readonly applied: number;
  readonly duplicates: number;
  /** Diffs that did not continue what was held. */
  readonly gaps: number;
  readonly fetches: number;
  readonly statements: number;
  /** Messages of unknown signers, kept until the key list moves. */
  readonly setAside: number;
  readonly connects: number;
  /** By code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly listenerErrors: number;
}
