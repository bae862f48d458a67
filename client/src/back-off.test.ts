import { expect, test } from 'vitest';
import { createBackOff } from './back-off.ts';

test('waits double up to thirty seconds, and are spread over their upper half', () => {
  const least = createBackOff(() => 0);
  expect(Array.from({ length: 8 }, () => least.next(0))).toEqual([
    250, 500, 1000, 2000, 4000, 8000, 15000, 15000,
  ]);
  const most = createBackOff(() => 0.9999999);
  expect(Array.from({ length: 8 }, () => most.next(0)).at(-1)).toBe(30_000);
});

test('only a connection that held for a minute starts small again', () => {
  const backOff = createBackOff(() => 0);
  backOff.next(0);
  backOff.next(0);
  backOff.connected(1_000);
  expect(backOff.next(60_999)).toBe(1_000);
  backOff.connected(70_000);
  expect(backOff.next(130_000)).toBe(250);
});
