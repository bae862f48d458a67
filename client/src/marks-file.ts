/** The marks as JSON text: read strictly, because a mark that is misread would let an old config in. */
import { isEpoch, isObject, parseJsonBytes, utf8 } from '@headwater/schemas/protocol';
import type { Marks, Position, SignerMarks, StatementPosition } from './trust.ts';

export function encodeMarks(marks: Marks): Uint8Array {
  return utf8(`${JSON.stringify({ v: 1, ...marks })}\n`);
}

/** The marks, or `null` when the bytes are not a marks file. */
export function decodeMarks(bytes: Uint8Array): Marks | null {
  let value: unknown;
  try {
    value = parseJsonBytes(bytes);
  } catch {
    return null; // the caller reports it
  }
  if (!isObject(value) || value.v !== 1 || !isObject(value.service) || !isObject(value.statement))
    return null;
  const { service, statement, keysVersion } = value;
  const settled: unknown = value.settled;
  const isWhole =
    Object.values(service).every(isSignerMarks) &&
    Object.values(statement).every(isStatementPosition) &&
    Number.isSafeInteger(keysVersion) &&
    (settled === null || isEpoch(settled));
  return isWhole ? (value as unknown as Marks) : null;
}

function isSignerMarks(value: unknown): value is SignerMarks {
  return isObject(value) && isPositionOrNull(value.document) && isPositionOrNull(value.tombstone);
}

function isPositionOrNull(value: unknown): value is Position | null {
  if (value === null) return true;
  return (
    isObject(value) &&
    isEpoch(value.epoch) &&
    [value.digest, value.schema, value.rev].every((text) => text === null || typeof text === 'string')
  );
}

function isStatementPosition(value: unknown): value is StatementPosition {
  return (
    isObject(value) &&
    isEpoch(value.epoch) &&
    typeof value.issuedAt === 'string' &&
    !Number.isNaN(Date.parse(value.issuedAt))
  );
}
