/** What a client is made of, and what only `connect` may do with it. */
import type { HeadwaterError } from '@headwater/schemas/protocol';
import type { Link } from './link.ts';
import type { LkgStore } from './lkg-store.ts';
import type { StartState } from './machine.ts';
import type { MachineDeps, Refusal } from './machine-state.ts';
import type { ResolvedOptions } from './options.ts';
import type { ReceiptIdentity } from './receipts.ts';

export interface ClientParts {
  readonly options: ResolvedOptions;
  readonly deps: MachineDeps;
  readonly start: StartState;
  readonly link: Link;
  readonly store: LkgStore;
  readonly identity: ReceiptIdentity;
  readonly onHandle: (handle: ClientHandle) => void;
}

/** What `connect` does with a client and programs do not. */
export interface ClientHandle {
  /** Opens the link; the client goes on by itself from there. */
  open(): void;
  /** False when no first document came in time. */
  firstConfig(timeoutMs: number): Promise<boolean>;
  /** Begins with the schema's defaults. */
  useDefaults(): void;
  /** Reports something an operator should know. */
  warn(error: HeadwaterError): void;
  /** What stood in the way most recently. */
  lastTrouble(): HeadwaterError | Refusal | null;
  /** Delivers the events so far, and every later one at once. */
  release(): void;
}
