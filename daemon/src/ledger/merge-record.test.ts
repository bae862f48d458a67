import { expect, test } from 'vitest';
import { mergeRecord } from './merge-record.ts';

const at = (seq: number) => ({ seq, commit: `${seq}`.padStart(40, '0') });
const epochs = (era: number, seqs: Readonly<Record<string, number>>) =>
  new Map(Object.entries(seqs).map(([env, seq]) => [env, { era, ...at(seq) }]));
const now = (era: number, published: ReturnType<typeof epochs>) => ({ deployment: 'tars', era, published });
const record = {
  deployment: 'tars',
  era: 2,
  start: at(3),
  published: new Map([
    ['dev', at(9)],
    ['prod', at(5)],
  ]),
};

test('the first record of an era whose start nobody wrote down starts where something was published first', () => {
  expect(mergeRecord(null, now(1, epochs(1, { dev: 7, prod: 4 })))).toEqual({
    deployment: 'tars',
    era: 1,
    start: at(4),
    published: new Map([
      ['dev', at(7)],
      ['prod', at(4)],
    ]),
  });
});

test('environments go on, never back, and others stay', () => {
  const next = mergeRecord(record, now(2, epochs(2, { dev: 8, prod: 6 })));
  expect(next?.start).toEqual(at(3));
  expect([...(next?.published ?? [])]).toEqual([
    ['dev', at(9)],
    ['prod', at(6)],
  ]);
});

test('no news is the same record, and what was published in another era is no news', () => {
  expect(mergeRecord(record, now(2, epochs(2, { dev: 9 })))).toBe(record);
  expect(mergeRecord(record, now(2, epochs(1, { dev: 99 })))).toBe(record);
  expect(mergeRecord(null, now(1, new Map()))).toBeNull();
  expect(mergeRecord({ ...record, era: 1 }, now(2, new Map()))).toBeNull();
});

test('a record of a later era is left alone', () => {
  expect(mergeRecord(record, now(1, epochs(1, { dev: 99 })))).toBe(record);
});
