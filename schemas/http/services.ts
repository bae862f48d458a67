import type { Epoch } from '../protocol/epoch.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { HeldItem } from './environments.ts';

/** An entry of `GET /api/v1/services?env=`. */
export interface ServiceSummary {
  readonly service: string;
  /** Folder in the repository: "services/speech/stt-worker". */
  readonly folder: string;
  /** Live service epoch. */
  readonly epoch: Epoch;
  readonly digest: string;
  readonly owner?: string;
  readonly tags: readonly string[];
  /** True when something newer waits. */
  readonly held: boolean;
  /** Connected instances. */
  readonly clients: number;
  /** It has secrets, and no recipient who could open them. */
  readonly undelivered?: true;
}

export interface ServiceList {
  readonly env: string;
  readonly services: readonly ServiceSummary[];
}

/** `GET /api/v1/services/:service?env=`. */
export interface ServiceDocument {
  readonly service: string;
  readonly env: string;
  /** Live service epoch. */
  readonly epoch: Epoch;
  readonly schema: JsonObject;
  /** `defaults`, `shared`, `base` and the environments of the chain, as they stand at the tip: what an edit starts from. */
  readonly layers: Readonly<Record<string, JsonObject>>;
  /** Live resolved config. */
  readonly config: JsonObject;
  /** JSON Pointer → layer that set it. */
  readonly origins: Readonly<Record<string, string>>;
  /** Secret settings: whether they are set, and since when (RFC 3339). Never a value. */
  readonly secrets: Readonly<Record<string, { readonly set: boolean; readonly changedAt?: string }>>;
  readonly held?: HeldItem;
  readonly clients: readonly Receipt[];
}
