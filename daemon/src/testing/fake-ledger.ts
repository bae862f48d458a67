/** A ledger in memory; several daemons of a test share one. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Ledger, LedgerEntry } from '../ports.ts';

export interface FakeLedger extends Ledger {
  isLocal: boolean;
  /** What stands in it; tests may put something else there. */
  entry: LedgerEntry | null;
  /** Thrown by the next reads and writes until it is `null` again. */
  failure: unknown;
  /** How often it was written to. */
  writes: number;
}

export function createFakeLedger(): FakeLedger {
  const ledger: FakeLedger = {
    isLocal: false,
    entry: null,
    failure: null,
    writes: 0,
    async read() {
      if (ledger.failure !== null) throw ledger.failure;
      return ledger.entry;
    },
    async append(record, expected) {
      if (ledger.failure !== null && !isUnreadable(ledger.failure)) throw ledger.failure;
      const actual = isUnreadable(ledger.failure) ? ledger.failure.details.id : (ledger.entry?.id ?? null);
      if (actual !== expected)
        throw new HeadwaterError('HW_REF_MOVED', {
          message: 'the ledger moved',
          details: { expected, actual },
        });
      ledger.failure = null;
      ledger.writes += 1;
      ledger.entry = { id: `entry-${ledger.writes}`, record, isFresh: true };
      return ledger.entry;
    },
  };
  return ledger;
}

/** What a daemon may write over: an entry that nobody can read. */
const isUnreadable = (failure: unknown): failure is HeadwaterError =>
  failure instanceof HeadwaterError && failure.code.startsWith('HW_LEDGER_');
