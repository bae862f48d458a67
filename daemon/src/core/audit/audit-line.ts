/**
 * The audit log as text: one JSON object a line, each with its number and the SHA-256 of the line before. Whoever changes, removes or
 * moves a line breaks the chain at that place. The first line of every file names the deployment.
 */
import { createHash } from 'node:crypto';
import {
  HeadwaterError,
  isHeadwaterError,
  isObject,
  type JsonObject,
  parseJson,
} from '@headwater/schemas/protocol';
import type { AuditEntry } from '../../ports.ts';
import { redactText } from '../../redact.ts';

/** What the log says of itself, beside what people and programs did. */
export type LogAction =
  /** First line of a log. */
  | 'begin'
  /** First line of a further file of the same log. */
  | 'continue'
  /** Bytes of a line that was never finished were cut off: whoever wrote it was not answered. */
  | 'repair'
  /** An old file was removed, as the log has a limit. */
  | 'prune';

/** Where a chain has come to. */
export interface ChainHead {
  /** Number of the last line; 0 before the first. */
  readonly n: number;
  /** SHA-256 of that line without its end, 64 hex digits; `null` before the first. */
  readonly hash: string | null;
}

export const chainStart: ChainHead = { n: 0, hash: null };

export interface AuditLine {
  readonly n: number;
  readonly prev: string | null;
  /** RFC 3339. */
  readonly at: string;
  readonly action: string;
  /** Everything the line says. */
  readonly fields: JsonObject;
}

/** A line without its end, and the head after it. */
export function auditLine(
  { n, hash }: ChainHead,
  at: Date,
  fields: AuditEntry | LogFields,
): { readonly text: string; readonly head: ChainHead } {
  const { action, actor, requestId, env, service, pointer, epoch, commit, reason, details } = {
    ...nothing,
    ...fields,
  };
  // Field by field: whatever else an object carries does not get into the log by accident.
  const line = {
    n: n + 1,
    prev: hash,
    at: at.toISOString(),
    action,
    ...('deployment' in fields ? { v: 1, deployment: fields.deployment } : {}),
    actor: actor && cleaned(actor),
    requestId,
    env,
    service,
    pointer: pointer === undefined ? undefined : bounded(pointer),
    epoch,
    commit,
    reason: reason === undefined ? undefined : bounded(reason),
    details: details && cleaned(details),
  };
  const text = JSON.stringify(line);
  return { text, head: { n: n + 1, hash: hashOfLine(text) } };
}

/** What the log says of itself. */
export interface LogFields {
  readonly action: LogAction;
  /** In the first line of every file. */
  readonly deployment?: string;
  readonly details?: AuditEntry['details'];
}

const nothing: Partial<AuditEntry> = {};

/** Longest text of a field, in UTF-16 units. */
const maxText = 400;
/** Most texts of a list. */
const maxItems = 200;

export function hashOfLine(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** `null` for what no log has written. */
export function parseAuditLine(text: string): AuditLine | null {
  const fields = parseQuietly(text);
  if (fields === null) return null;
  const { n, prev, at, action } = fields;
  const isLine =
    Number.isSafeInteger(n) &&
    (n as number) > 0 &&
    (prev === null || (typeof prev === 'string' && /^[0-9a-f]{64}$/.test(prev))) &&
    typeof at === 'string' &&
    !Number.isNaN(Date.parse(at)) &&
    typeof action === 'string';
  return isLine ? { n: n as number, prev: prev as string | null, at, action, fields } : null;
}

function parseQuietly(text: string): JsonObject | null {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : null;
  } catch (error) {
    if (isHeadwaterError(error)) return null;
    throw error;
  }
}

export function auditFailed(reason: string, cause: unknown): HeadwaterError {
  return new HeadwaterError('HW_AUDIT_FAILED', {
    message: `the audit log cannot be written: ${reason}`,
    hint: 'What had to be recorded was not done. See to the disk and to the permissions of audit.jsonl in the data folder; after a failed fsync restart the daemon.',
    cause,
  });
}

type Texts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Names and reasons are typed by people: a token pasted into one must not stay for years. */
function cleaned(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([key, value]) => {
      if (typeof value === 'string') return [key, bounded(value)];
      if (typeof value !== 'object') return [key, value];
      const more = value.length - maxItems;
      return [key, [...value.slice(0, maxItems).map(bounded), ...(more > 0 ? [`and ${more} more`] : [])]];
    }),
  );
}

function bounded(text: string): string {
  const clean = redactText(text);
  return clean.length <= maxText ? clean : `${clean.slice(0, maxText - 1)}…`;
}
