import type { JsonObject } from '../protocol/json.ts';

/** `POST /api/v1/services`: a new service, in one commit. Answers as every change. */
export interface NewService {
  readonly service: string;
  /** Folders between `services/` and the service: "speech" or "team/speech". Default none. */
  readonly group?: string;
  /** Base config. Default `{}`. */
  readonly config?: JsonObject;
  /** Overlays by environment. */
  readonly overlays?: Readonly<Record<string, JsonObject>>;
  /** Default: inferred from `config`, which must then hold nothing that looks like a secret. */
  readonly schema?: JsonObject;
  /** Team that answers for it; written into an inferred schema. */
  readonly owner?: string;
  readonly message?: string;
}

/**
 * `POST /api/v1/services/:service/rename`: one commit. The new name gets everything of the service: schema, layers, secrets (encrypted
 * anew, under a data key of their own), readers, and the values that presets have of it.
 */
export interface RenameService {
  readonly to: string;
  /**
   * True: the old name stays beside the new one and keeps serving until it is removed. False: it goes with the same commit; its
   * clients keep the config that they have. Default true.
   */
  readonly keep?: boolean;
  readonly message?: string;
}

/** `POST /api/v1/services/:service/settings`: describes a new setting in the schema and sets it, in one commit. */
export interface NewSetting {
  /** JSON Pointer. */
  readonly pointer: string;
  /** JSON Schema of the setting, with `x-hw`. */
  readonly schema: JsonObject;
  /** Absent: the setting is described and not set. */
  readonly value?: unknown;
  /** Where the value is written: "base" or an environment. Default "base". */
  readonly layer?: string;
  readonly message?: string;
}
