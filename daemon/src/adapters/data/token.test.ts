import { expect, test } from 'vitest';
import { newToken } from './token.ts';

test('token letters are drawn evenly', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    for (const letter of newToken().secret) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  const expected = (2000 * 43) / 62;
  // Seven standard deviations; a remainder of 256 by 62 would be off by 20 % and more.
  for (const count of counts.values())
    expect(Math.abs(count - expected)).toBeLessThan(7 * Math.sqrt(expected));
  expect(counts.size).toBe(62);
});
