import type { Finding } from '../core/finding.ts';
import { trailersOf } from './trailers.ts';

/** Fewer services than this may go without saying so: small repositories lose a service in daily work. */
const freeRemovals = 3;
const freeShare = 0.1;

/** True when going from `before` to `after` services is a removal that must be allowed by name. */
export function isMassRemoval(before: number, after: number): boolean {
  const removed = before - after;
  return removed > freeRemovals && removed > before * freeShare;
}

/** The finding that holds an environment from which many services vanished at once, or `null`. */
export function removalFinding(env: string, before: number, after: number, allowed: number): Finding | null {
  const removed = before - after;
  if (!isMassRemoval(before, after) || removed <= allowed) return null;
  return {
    severity: 'error',
    code: 'HW_MASS_REMOVAL',
    file: 'services',
    pointer: '',
    env,
    message: `${removed} of ${before} services disappear from ${env}`,
    hint: `If that is meant, commit again with the trailer "Headwater-Allow-Removal: ${removed}"; else revert the commit.`,
  };
}

/** Largest count that a commit message's trailers allow; 0 without such a trailer. */
export function allowedRemovals(message: string): number {
  const counts = trailersOf(message, 'Headwater-Allow-Removal').filter((value) => /^\d{1,9}$/.test(value));
  return counts.reduce((most, count) => Math.max(most, Number(count)), 0);
}
