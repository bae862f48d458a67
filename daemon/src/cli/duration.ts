import { HeadwaterError } from '@headwater/schemas/protocol';

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of "15m", "12h" or "90d".
 * @param option Its name, for the error.
 * @throws HeadwaterError `HW_USAGE`.
 */
export function parseDuration(text: string, option: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit] ?? 0);
  if (ms > 0) return ms;
  throw new HeadwaterError('HW_USAGE', {
    message: `${option}: ${JSON.stringify(text)} is no duration`,
    hint: 'Write minutes, hours or days: 15m, 12h, 90d.',
  });
}

/**
 * A moment as milliseconds since 1970: "2026-11-21", "2026-11-21T10:05:00Z" (a time without zone is UTC), or "7d" ago.
 * @throws HeadwaterError `HW_USAGE`.
 */
export function parseMoment(text: string, option: string, now: number): number {
  if (/^\d{1,5}[mhd]$/.test(text)) return now - parseDuration(text, option);
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(text) || !text.includes('T');
  const at = isTime ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new HeadwaterError('HW_USAGE', {
    message: `${option}: ${JSON.stringify(text.slice(0, 60))} is no time`,
    hint: 'Write 2026-11-21, 2026-11-21T10:05:00Z, or how long ago: 12h, 7d.',
  });
}
