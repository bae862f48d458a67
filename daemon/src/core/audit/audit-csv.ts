/** Audit entries as a table, for people who read them in a spreadsheet. */
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import type { AuditLine } from './audit-line.ts';

const header = [
  'n',
  'at',
  'action',
  'actor',
  'actorId',
  'actorName',
  'requestId',
  'env',
  'service',
  'pointer',
  'epoch',
  'commit',
  'reason',
  'details',
];

/** RFC 4180. */
export const csvHeader = `${header.join(',')}\r\n`;

export function csvLine({ n, at, action, fields }: AuditLine): string {
  const actor = isObject(fields.actor) ? fields.actor : {};
  const { requestId, env, service, pointer, epoch, commit, reason, details } = fields;
  const cells = [
    n,
    at,
    action,
    actor.kind,
    actor.id,
    actor.name,
    requestId,
    env,
    service,
    pointer,
    isObject(epoch) ? `${epoch.era}.${epoch.seq}` : undefined,
    commit,
    reason,
    details,
  ];
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  // A spreadsheet would run what begins like a formula, and names are typed by anybody.
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
