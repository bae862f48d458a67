import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RetryTimer } from './retry-timer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Runs a timer whose job asks for the next try at once, and returns when the tries were, in seconds. */
function triesWithin(seconds: number, prepare: (timer: RetryTimer) => void = () => {}): number[] {
  const tries: number[] = [];
  const start = Date.now();
  const timer = new RetryTimer(() => {
    tries.push((Date.now() - start) / 1_000);
    prepare(timer);
    timer.request();
  });
  timer.request();
  timer.request(); // one that is on its way is enough
  vi.advanceTimersByTime(seconds * 1_000);
  timer.stop();
  vi.advanceTimersByTime(300_000);
  return tries;
}

test('waits twice as long each time, a minute at most, and not at all after the stop', () => {
  expect(triesWithin(250)).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243]);
});

test('starts anew once nothing is left to do', () => {
  expect(triesWithin(4, (timer) => timer.succeeded())).toEqual([1, 2, 3, 4]);
});
