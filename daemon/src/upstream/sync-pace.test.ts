import { expect, test } from 'vitest';
import { nextLookMs } from './sync-pace.ts';

test('a host that fails is asked less and less often, up to once a minute', () => {
  const waits = [0, 1, 2, 3, 4, 5, 20, 2000].map((failures) =>
    nextLookMs({ pollMs: 5_000, failures, random: 0.5 }),
  );
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000]);
  expect(nextLookMs({ pollMs: 600_000, failures: 3, random: 0.5 })).toBe(600_000);
});

test('no two daemons ask in step, and nobody asks sooner than he was told', () => {
  expect(nextLookMs({ pollMs: 5_000, failures: 0, random: 0 })).toBe(4_000);
  expect(nextLookMs({ pollMs: 5_000, failures: 0, random: 1 })).toBe(6_000);
  expect(nextLookMs({ pollMs: 5_000, failures: 1, retryAfterMs: 90_000, random: 0 })).toBe(90_000);
});
