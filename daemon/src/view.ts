/**
 * What the daemon shows of itself to its HTTP API: a read-only view, implemented by the running daemon and faked in tests.
 * Values here are already free of secrets.
 */
import type { CommitWarning, EnvironmentPolicy } from '@headwater/schemas/http';
import type { Epoch, Health, HeldService, JsonObject, Receipt } from '@headwater/schemas/protocol';

/** One environment as a whole. */
export interface EnvironmentView {
  readonly env: string;
  /** Live epoch; `null` when nothing was ever valid. */
  readonly epoch: Epoch | null;
  readonly status: 'ok' | 'degraded' | 'never-valid';
  /** Newest commit of the followed branch, live or not. */
  readonly tip: { readonly commit: string; readonly seq: number } | null;
  readonly held: readonly HeldView[];
  readonly heldTotal: number;
  /** Policy in force for the next commit. */
  readonly policy: EnvironmentPolicy;
  /** About the newest commits, oldest first; they hold nothing. */
  readonly warnings: readonly CommitWarning[];
}

/** Something that waits, with both ways out. */
export interface HeldView extends HeldService {
  readonly file?: string;
  readonly line?: number;
  readonly message: string;
  readonly hint: string;
}

export interface ServiceSummary {
  readonly service: string;
  readonly folder: string;
  readonly epoch: Epoch;
  readonly digest: string;
  readonly owner?: string;
  readonly tags: readonly string[];
  readonly held: boolean;
  /** Connected instances that report this service. */
  readonly clients: number;
  /** It has secrets, and nobody who receives them. */
  readonly undelivered?: true;
}

export interface ServiceView {
  readonly service: string;
  readonly env: string;
  /** Live service epoch. */
  readonly epoch: Epoch;
  /** Service epoch at the tip, from which an edit starts. */
  readonly tipEpoch: Epoch;
  readonly schema: JsonObject;
  /** `defaults`, `shared`, `base` and the environments of the chain, as they stand at the tip. */
  readonly layers: Readonly<Record<string, JsonObject>>;
  /** Live resolved config. */
  readonly config: JsonObject;
  /** JSON Pointer -> layer that set it. */
  readonly origins: Readonly<Record<string, string>>;
  /** By pointer. `changedAt`: when the file that sets it was saved last, RFC 3339; the secret itself may be older. */
  readonly secrets: Readonly<Record<string, { readonly set: boolean; readonly changedAt?: string }>>;
  readonly held?: HeldView;
  readonly clients: readonly Receipt[];
}

export interface DaemonView {
  readonly deployment: string;
  health(): Health;
  environments(): readonly string[];
  environment(env: string): EnvironmentView | null;
  services(env: string): readonly ServiceSummary[];
  /** `null` when the service is not live in that environment. */
  service(env: string, service: string): Promise<ServiceView | null>;
}
