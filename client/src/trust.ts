/**
 * Marks: what a client has accepted, so that it never goes back. They are kept per signer, and only entries of keys that are not
 * revoked count: this is how a stolen key that ran ahead is undone. Spec: docs/protocol.md §6.
 */
import { compareEpochs, type Epoch, type Keyring, sameEpoch } from '@headwater/schemas/protocol';

/** What was accepted at one epoch; a tombstone has no digest, schema or rev. */
export interface Position {
  readonly epoch: Epoch;
  readonly digest: string | null;
  readonly schema: string | null;
  /** `secrets.rev`; `undefined` when a message does not say it ("unchanged"). */
  readonly rev: string | null | undefined;
}

/** Highest positions accepted under one key. The document's is kept apart: a tombstone must not make the LKG look old. */
export interface SignerMarks {
  readonly document: Position | null;
  readonly tombstone: Position | null;
}

export interface StatementPosition {
  readonly epoch: Epoch;
  readonly issuedAt: string;
}

/** The three marks, each durable, and the last epoch statement that was settled. */
export interface Marks {
  /** By key id. */
  readonly service: Readonly<Record<string, SignerMarks>>;
  /** By key id. */
  readonly statement: Readonly<Record<string, StatementPosition>>;
  readonly keysVersion: number;
  readonly settled: Epoch | null;
}

export const noMarks: Marks = { service: {}, statement: {}, keysVersion: 0, settled: null };

/** How something received stands to a mark. */
export type Standing = 'newer' | 'equal' | 'older' | 'conflict';

export function standingOf(position: Position, mark: Position | null): Standing {
  if (mark === null) return 'newer';
  const order = compareEpochs(position.epoch, mark.epoch);
  if (order !== 0) return order > 0 ? 'newer' : 'older';
  const same =
    sameEpoch(position.epoch, mark.epoch) &&
    position.digest === mark.digest &&
    position.schema === mark.schema &&
    (position.rev === undefined || mark.rev === undefined || position.rev === mark.rev);
  return same ? 'equal' : 'conflict';
}

export function statementStanding(position: StatementPosition, mark: StatementPosition | null): Standing {
  if (mark === null) return 'newer';
  const order = compareStatements(position, mark);
  if (compareEpochs(position.epoch, mark.epoch) === 0 && position.epoch.commit !== mark.epoch.commit)
    return 'conflict';
  if (order === 0) return 'equal';
  return order > 0 ? 'newer' : 'older';
}

/** The mark of the service: the highest document or tombstone under a key that is not revoked. */
export function serviceMark(marks: Marks, keyring: Keyring | null): Position | null {
  return highest(
    valid(marks.service, keyring).flatMap((entry) => [entry.document, entry.tombstone]),
    comparePositions,
  );
}

/** As `serviceMark`, documents only: what an LKG file must not be older than. */
export function documentMark(marks: Marks, keyring: Keyring | null): Position | null {
  return highest(
    valid(marks.service, keyring).map((entry) => entry.document),
    comparePositions,
  );
}

export function statementMark(marks: Marks, keyring: Keyring | null): StatementPosition | null {
  return highest(valid(marks.statement, keyring), compareStatements);
}

export function raiseServiceMark(
  marks: Marks,
  signers: readonly string[],
  kind: keyof SignerMarks,
  position: Position,
): Marks {
  const service = { ...marks.service };
  for (const keyId of signers) {
    const own = service[keyId] ?? { document: null, tombstone: null };
    service[keyId] = { ...own, [kind]: highest([own[kind], position], comparePositions) };
  }
  return { ...marks, service };
}

export function raiseStatementMark(
  marks: Marks,
  signers: readonly string[],
  position: StatementPosition,
): Marks {
  const statement = { ...marks.statement };
  for (const keyId of signers) {
    statement[keyId] = highest([statement[keyId] ?? null, position], compareStatements) ?? position;
  }
  return { ...marks, statement };
}

/** Both together, for processes that share a marks file; `settled` is what `a` settled. */
export function mergeMarks(a: Marks, b: Marks): Marks {
  let merged: Marks = { ...a, keysVersion: Math.max(a.keysVersion, b.keysVersion) };
  for (const [keyId, { document, tombstone }] of Object.entries(b.service)) {
    if (document) merged = raiseServiceMark(merged, [keyId], 'document', document);
    if (tombstone) merged = raiseServiceMark(merged, [keyId], 'tombstone', tombstone);
  }
  for (const [keyId, position] of Object.entries(b.statement))
    merged = raiseStatementMark(merged, [keyId], position);
  return merged;
}

export function isRevoked(keyId: string, keyring: Keyring | null): boolean {
  return keyring?.entries.get(keyId)?.signer.revoked !== undefined;
}

function valid<T>(entries: Readonly<Record<string, T>>, keyring: Keyring | null): T[] {
  return Object.entries(entries).flatMap(([keyId, entry]) => (isRevoked(keyId, keyring) ? [] : [entry]));
}

/** The first of the highest, so an equal newcomer does not replace what is there. */
function highest<T>(entries: readonly (T | null)[], compare: (a: T, b: T) => number): T | null {
  let best: T | null = null;
  for (const entry of entries)
    if (entry !== null && (best === null || compare(entry, best) > 0)) best = entry;
  return best;
}

const comparePositions = (a: Position, b: Position): number => compareEpochs(a.epoch, b.epoch);

const compareStatements = (a: StatementPosition, b: StatementPosition): number =>
  compareEpochs(a.epoch, b.epoch) || Date.parse(a.issuedAt) - Date.parse(b.issuedAt);
