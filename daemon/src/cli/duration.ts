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
