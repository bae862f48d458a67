import { describe, expect, test } from 'vitest';
import { type GraceFacts, graceVerdict } from './rotation-grace.ts';

const facts = (more: Partial<GraceFacts> = {}): GraceFacts => ({
  now: 2_000,
  until: 1_000,
  forced: false,
  oldId: 'old',
  newId: 'new',
  instances: [{ instance: 'a', recipient: 'new' }],
  hasSecrets: true,
  oldConnections: 0,
  ...more,
});
const kind = (more?: Partial<GraceFacts>) => graceVerdict(facts(more)).kind;

describe('a grace period', () => {
  test('ends when its time is up and the new key is seen and the old one is not', () => {
    expect(kind()).toBe('end');
  });
  test('does not end before its time, whatever receipts say', () => {
    expect(kind({ now: 999 })).toBe('running');
  });
  test('goes on while one instance opens with the old key, or is connected with the old token', () => {
    const both = [
      { instance: 'a', recipient: 'new' },
      { instance: 'b', recipient: 'old' },
    ];
    expect(graceVerdict(facts({ instances: both }))).toEqual({
      kind: 'extended',
      because: expect.stringContaining('b still open'),
    });
    expect(kind({ oldConnections: 1 })).toBe('extended');
  });
  test('goes on until the new key was seen once', () => {
    expect(kind({ instances: [] })).toBe('extended');
    expect(kind({ instances: [{ instance: 'a', recipient: null }] })).toBe('extended');
    expect(kind({ instances: [{ instance: 'a', recipient: 'another' }] })).toBe('extended');
  });
  test('needs no receipt where there are no secrets', () => {
    expect(kind({ hasSecrets: false, instances: [{ instance: 'a' }] })).toBe('end');
  });
  test('ends at once when somebody says so', () => {
    expect(
      kind({ forced: true, now: 0, instances: [{ instance: 'b', recipient: 'old' }], oldConnections: 3 }),
    ).toBe('end');
  });
});
