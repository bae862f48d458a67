import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

test('waits twice as long after every failure, half a minute at most', () => {
  const longest = [0, 1, 2, 3, 6, 50].map((failures) => backoffMs(failures, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 4000, 30_000, 30_000]);
});

test('never waits less than half of that, so that nobody hammers', () => {
  expect(backoffMs(0, () => 0)).toBe(250);
  expect(backoffMs(50, () => 0)).toBe(15_000);
});
