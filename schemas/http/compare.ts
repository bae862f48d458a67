import type { Epoch } from '../protocol/epoch.ts';
import type { JsonObject } from '../protocol/json.ts';

/** `GET /api/v1/compare?envs=dev,prod`: what differs between two environments that are live. */
export interface EnvironmentComparison {
  readonly envs: readonly [string, string];
  /** Services that differ, by name; those that are equal are absent. */
  readonly services: readonly ComparedService[];
  /** Services that are live in both and have the same config. */
  readonly equal: number;
}

export interface ComparedService {
  readonly service: string;
  /** The one environment in which it is; absent when it is in both. */
  readonly only?: string;
  /** Settings that differ. A side that is absent has no such setting. */
  readonly settings: readonly { readonly pointer: string; readonly from?: unknown; readonly to?: unknown }[];
}

/** `POST /api/v1/promotions`: the values that settings have in one environment, as overlay of another, in one commit. */
export interface PromotionRequest {
  readonly from: string;
  readonly to: string;
  readonly settings: readonly { readonly service: string; readonly pointer: string }[];
  readonly message?: string;
}

/** `GET /api/v1/export?env=`: all values that are live, never a secret. `&schema=true`: with their schemas. */
export interface Exported {
  readonly headwater: 1;
  readonly deployment: string;
  readonly env: string;
  readonly epoch: Epoch | null;
  readonly services: Readonly<Record<string, JsonObject>>;
  readonly schemas?: Readonly<Record<string, JsonObject>>;
}
