/** Health of one daemon: plain JSON on `<prefix>/daemons/<daemonId>/health`, retained, with a Last Will. Spec: docs/protocol.md §8. */
import type { Epoch } from './epoch.ts';

export interface HealthProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Health {
  readonly v: 1;
  /** False as soon as anything waits for a person. */
  readonly ok: boolean;
  readonly daemonId: string;
  readonly deployment: string;
  readonly version: string;
  /** RFC 3339. */
  readonly at: string;
  readonly startedAt: string;
  readonly environments: Readonly<
    Record<
      string,
      {
        readonly epoch: Epoch | null;
        readonly status: 'ok' | 'degraded' | 'never-valid';
        readonly heldTotal: number;
      }
    >
  >;
  readonly broker: { readonly connected: boolean; readonly kind: 'embedded' | 'outside' };
  readonly repo: {
    readonly branch: string;
    readonly tip: string | null;
    /** Since when the tip is this one; RFC 3339. */
    readonly since?: string;
  };
  /** The host that is mirrored; absent when the repository itself is followed. */
  readonly git?: {
    /** Address without credentials. */
    readonly upstream: string;
    /** The last conversation with it succeeded. */
    readonly reachable: boolean;
    /** When everything it has was last known to be here; RFC 3339. `null` = never. */
    readonly syncedAt: string | null;
    /** False: what the daemon writes of its own stays here. */
    readonly takesPushes: boolean;
  };
  readonly problems: readonly HealthProblem[];
}
