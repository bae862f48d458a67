import { describe, expect, test } from 'vitest';
import {
  compareEpochs,
  describeEpoch,
  type Epoch,
  formatEpoch,
  isEpoch,
  parseEpochText,
  sameEpoch,
} from './epoch.ts';

const commit = '9f3c2e1'.padEnd(40, '0');
const epoch = (era: number, seq: number): Epoch => ({ era, seq, commit });

describe('order', () => {
  test('a later commit of the same era is newer', () => {
    expect(compareEpochs(epoch(1, 43), epoch(1, 42))).toBeGreaterThan(0);
  });

  test('a new era is newer than any commit of the era before', () => {
    expect(compareEpochs(epoch(2, 1), epoch(1, Number.MAX_SAFE_INTEGER))).toBeGreaterThan(0);
  });

  test('two commits at the same place are equal in order but are not the same epoch', () => {
    const other = { ...epoch(1, 42), commit: 'a'.repeat(40) };
    expect(compareEpochs(epoch(1, 42), other)).toBe(0);
    expect(sameEpoch(epoch(1, 42), other)).toBe(false);
    expect(sameEpoch(epoch(1, 42), epoch(1, 42))).toBe(true);
  });
});

describe('text', () => {
  test('machines and people each have a form', () => {
    expect(formatEpoch(epoch(1, 42))).toBe('1.42@9f3c2e1');
    expect(describeEpoch(epoch(1, 42))).toBe('#42 · 9f3c2e1');
  });

  test('machine text is read back', () => {
    expect(parseEpochText('1.42@9f3c2e1')).toEqual({ era: 1, seq: 42, commit: '9f3c2e1' });
  });

  test.each([
    '',
    '1.42',
    '0.1@9f3c2e1',
    '1.042@9f3c2e1',
    '1.42@9F3C2E1',
    '1.42@9f3c2e',
    '1.42@9f3c2e1 ',
    '-1.2@9f3c2e1',
    '1.42@9f3c2e1\n',
  ])('%j is no epoch', (text) => {
    expect(() => parseEpochText(text)).toThrow(expect.objectContaining({ code: 'HW_USAGE' }));
  });

  test('a sequence number that a double would round is no epoch', () => {
    expect(() => parseEpochText('1.9007199254740993@9f3c2e1')).toThrow(
      expect.objectContaining({ code: 'HW_USAGE' }),
    );
    expect(parseEpochText('1.9007199254740991@9f3c2e1').seq).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('a value is an epoch', () => {
  test('with a SHA-1 or a SHA-256 commit id', () => {
    expect(isEpoch(epoch(1, 1))).toBe(true);
    expect(isEpoch({ ...epoch(1, 1), commit: 'b'.repeat(64) })).toBe(true);
  });

  test.each([
    null,
    [],
    'text',
    { era: 0, seq: 1, commit },
    { era: 1, seq: 1.5, commit },
    { era: 1, seq: 2 ** 53, commit },
    { era: '1', seq: 1, commit },
    { era: 1, seq: 1, commit: '9f3c2e1' },
    { era: 1, seq: 1, commit: 'A'.repeat(40) },
    { era: 1, seq: 1, commit: 'a'.repeat(41) },
    { era: 1, seq: 1, commit, more: 1 },
    { era: 1, seq: 1 },
  ])('never %j', (value) => {
    expect(isEpoch(value)).toBe(false);
  });
});
