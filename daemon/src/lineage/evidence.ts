/** What is known to have been published: the commits that the followed branch must descend from. Pure. */
import type { Epoch } from '@headwater/schemas/protocol';
import type { CommitPlace } from '../epochs/place.ts';
import type { LedgerRecord } from '../ports.ts';

/** A commit from which something was published in the era in force. */
export interface Evidence extends CommitPlace {
  /** Who says so: a verified statement on the broker (any daemon's), a stored message of this daemon, or the ledger. */
  readonly source: 'statement' | 'copy' | 'ledger';
}

export interface EvidenceSources {
  /** Newest verified statement of each environment. */
  readonly statements: readonly Epoch[];
  /** Epochs of messages that stand on the topics as this daemon knows them. */
  readonly copies: Iterable<Epoch>;
  readonly ledger: LedgerRecord | null;
}

/**
 * Everything published in `era`. What was published before its start is undone by it. While nothing was published in it yet, the commit at which it
 * started speaks for it.
 */
export function evidenceOf(era: number, { statements, copies, ledger }: EvidenceSources): Evidence[] {
  const from = (epochs: Iterable<Epoch>, source: Evidence['source']) =>
    [...epochs].flatMap(({ era: of, seq, commit }) => (of === era ? [{ seq, commit, source }] : []));
  const recorded = ledger?.era === era ? ledger : null;
  const places = [...(recorded?.published.values() ?? [])];
  const evidence = [
    ...from(statements, 'statement'),
    ...from(copies, 'copy'),
    ...places.map((place) => ({ ...place, source: 'ledger' as const })),
  ];
  if (evidence.length === 0 && recorded) evidence.push({ ...recorded.start, source: 'ledger' });
  return evidence;
}

/** The one furthest along; of equals one that this daemon knows by itself. `null` when there is none. */
export function newestOf(evidence: Iterable<Evidence>): Evidence | null {
  let newest: Evidence | null = null;
  for (const one of evidence) {
    const order = newest ? one.seq - newest.seq : 1;
    if (order > 0 || (order === 0 && newest?.source === 'statement')) newest = one;
  }
  return newest;
}
