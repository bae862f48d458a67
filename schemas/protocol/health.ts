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
  readonly problems: readonly HealthProblem[];
}
