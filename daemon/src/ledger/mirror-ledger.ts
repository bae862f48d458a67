/**
 * The ledger of a mirrored repository. While its host takes pushes it is the host's, shared by all daemons; otherwise this daemon
 * writes its own, and still believes what others wrote there about a later era.
 */
import type { Ledger, LedgerEntry } from '../ports.ts';

export interface MirrorLedgerDeps {
  /** At the host; read from the mirror. */
  readonly shared: Ledger;
  /** Here only. */
  readonly own: Ledger;
  readonly takesPushes: () => boolean;
}

export function createMirrorLedger({ shared, own, takesPushes }: MirrorLedgerDeps): Ledger {
  const target = () => (takesPushes() ? shared : own);
  return {
    get isLocal() {
      return !takesPushes();
    },

    async read() {
      const ours = await target().read();
      const theirs = await (takesPushes() ? own : shared).read();
      if (theirs === null || !isLater(theirs, ours)) return ours;
      // Written down where this daemon writes as soon as something is published in that era.
      return { id: ours?.id ?? null, record: theirs.record, isFresh: true };
    },

    append: (record, expected) => target().append(record, expected),
  };
}

const isLater = (entry: LedgerEntry, than: LedgerEntry | null): boolean =>
  than === null || entry.record.era > than.record.era;
