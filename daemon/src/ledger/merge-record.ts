import type { Epoch } from '@headwater/schemas/protocol';
import type { LedgerPlace, LedgerRecord } from '../ports.ts';

export interface PublishedNow {
  readonly deployment: string;
  /** The era in force. */
  readonly era: number;
  readonly published: ReadonlyMap<string, Epoch>;
}

/**
 * What the ledger should say. Within an era no environment goes back in it, whatever this daemon knows. Pure.
 * @returns `record` itself when it says so already; `null` when there is nothing to say.
 */
export function mergeRecord(
  record: LedgerRecord | null,
  { deployment, era, published }: PublishedNow,
): LedgerRecord | null {
  if (record && record.era > era) return record;
  const known = record?.era === era ? record : null;
  const places = new Map<string, LedgerPlace>(known?.published);
  let isNews = false;
  for (const [env, { era: of, seq, commit }] of published) {
    if (of !== era || seq <= (places.get(env)?.seq ?? 0)) continue;
    places.set(env, { seq, commit });
    isNews = true;
  }
  if (!isNews) return known;
  return { deployment, era, start: known?.start ?? oldestOf(places), published: places };
}

/** An era whose start nobody wrote down began at the latest with what was published first. */
function oldestOf(places: ReadonlyMap<string, LedgerPlace>): LedgerPlace {
  const [first, ...others] = places.values();
  return others.reduce((oldest, place) => (place.seq < oldest.seq ? place : oldest), first as LedgerPlace);
}
