import type { CommitPlace } from '../epochs/place.ts';
import type { LedgerPlace, LedgerRecord } from '../ports.ts';

/** What a daemon knows of the line that it follows. */
export interface OwnLine {
  /** Where it stands; `null` while it follows nothing. */
  readonly at: CommitPlace | null;
  has(place: CommitPlace): Promise<boolean>;
}

/**
 * The record without what does not lie on the line: a stolen key may have claimed any place, and the daemon that believed it wrote it down.
 * @returns `record` itself when all of it lies there, or nothing better is known.
 */
export async function withoutClaims(record: LedgerRecord, { at, has }: OwnLine): Promise<LedgerRecord> {
  const kept: [string, LedgerPlace][] = [];
  for (const [env, place] of record.published) if (await has(place)) kept.push([env, place]);
  const start = (await has(record.start)) ? record.start : at && { commit: at.commit, seq: at.seq };
  if (start === null || (kept.length === record.published.size && start === record.start)) return record;
  return { ...record, start, published: new Map(kept) };
}
