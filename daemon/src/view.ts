/**
 * What the daemon shows of itself to its HTTP API: a read-only view, implemented by the running daemon and faked in tests.
 * Values here are already free of secrets.
 */
import type { EnvironmentState, HeldItem, ServiceDocument, ServiceSummary } from '@headwater/schemas/http';
import type { Epoch, Health } from '@headwater/schemas/protocol';

export type { ServiceSummary };

/** One environment as a whole. */
export type EnvironmentView = EnvironmentState;

/** Something that waits, with both ways out. */
export type HeldView = HeldItem;

/** A service as the API shows it, and where an edit of it starts. */
export interface ServiceView extends ServiceDocument {
  /** Service epoch at the tip. */
  readonly tipEpoch: Epoch;
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
