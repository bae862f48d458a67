import { expect, test } from 'vitest';
import { ago, showValue } from './format.ts';

test('values are shown in one line, and what is absent, empty or long says so', () => {
  expect([undefined, '', 'a b', 1.5, null, true, [1, 'x'], { a: 1 }].map(showValue)).toEqual([
    '—',
    '""',
    'a b',
    '1.5',
    'null',
    'true',
    '[1,"x"]',
    '{"a":1}',
  ]);
  expect(showValue('x'.repeat(500))).toHaveLength(121);
});

test('times are told from now, in the largest unit that fits', () => {
  const now = Date.parse('2026-06-15T12:00:00Z');
  expect(ago('2026-06-15T11:59:50Z', now)).toBe('now');
  expect(ago('2026-06-15T11:58:00Z', now)).toBe('2 minutes ago');
  expect(ago('2026-06-14T11:00:00Z', now)).toBe('yesterday');
  expect(ago('2025-01-01T00:00:00Z', now)).toBe('last year');
});
