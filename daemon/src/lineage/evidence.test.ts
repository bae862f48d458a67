import { expect, test } from 'vitest';
import { evidenceOf, newestOf } from './evidence.ts';

const at = (seq: number) => ({ seq, commit: `${seq}`.padStart(40, '0') });
const epoch = (era: number, seq: number) => ({ era, ...at(seq) });
const ledger = { deployment: 'tars', era: 2, start: at(3), published: new Map([['dev', at(5)]]) };

test('everything published in the era counts, whoever says so, and nothing of another era', () => {
  const sources = { statements: [epoch(1, 9), epoch(2, 6)], copies: [epoch(2, 4), epoch(1, 8)], ledger };
  expect(evidenceOf(2, sources)).toEqual([
    { ...at(6), source: 'statement' },
    { ...at(4), source: 'copy' },
    { ...at(5), source: 'ledger' },
  ]);
  expect(evidenceOf(1, sources)).toEqual([
    { ...at(9), source: 'statement' },
    { ...at(8), source: 'copy' },
  ]);
});

test('while nothing was published in an era, where it started speaks for it', () => {
  const started = { ...ledger, published: new Map() };
  expect(evidenceOf(2, { statements: [epoch(1, 9)], copies: [], ledger: started })).toEqual([
    { ...at(3), source: 'ledger' },
  ]);
  expect(evidenceOf(3, { statements: [], copies: [], ledger: started })).toEqual([]);
});

test('the newest is the one furthest along; of equal ones the one that this daemon knows by itself', () => {
  expect(newestOf([])).toBeNull();
  const said = { ...at(6), source: 'statement' as const };
  const known = { ...at(6), source: 'copy' as const };
  expect(newestOf([{ ...at(2), source: 'copy' }, said, known])).toBe(known);
  expect(newestOf([known, said])).toBe(known);
});
