import { fromUtf8, utf8 } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { encodeLedger, parseLedger } from './ledger-record.ts';

const commit = 'c1'.repeat(20);
const record = {
  deployment: 'tars',
  era: 2,
  start: { seq: 41, commit },
  published: new Map([
    ['prod', { seq: 43, commit }],
    ['dev', { seq: 44, commit: 'd2'.repeat(32) }],
  ]),
};

test('a record is read as it was written, in one writing only', () => {
  const bytes = encodeLedger(record);
  expect(parseLedger(bytes)).toEqual(record);
  const reversed = new Map([...record.published].reverse());
  expect(fromUtf8(encodeLedger({ ...record, published: reversed }))).toBe(fromUtf8(bytes));
  expect(JSON.parse(fromUtf8(bytes))).toEqual({
    deployment: 'tars',
    era: 2,
    start: { seq: 41, commit },
    published: { dev: { seq: 44, commit: 'd2'.repeat(32) }, prod: { seq: 43, commit } },
  });
});

test.each([
  ['no JSON', '{'],
  ['a key twice', JSON.stringify(documentWith({})).replace('"era":2', '"era":2,"era":3')],
  ['no object', '[]'],
  ['a field more', JSON.stringify(documentWith({ more: 1 }))],
  ['a field less', JSON.stringify({ deployment: 'tars', era: 1, published: {} })],
  ['era 0', JSON.stringify(documentWith({ era: 0 }))],
  ['half an era', JSON.stringify(documentWith({ era: 1.5 }))],
  ['an era as text', JSON.stringify(documentWith({ era: '2' }))],
  ['a short commit', JSON.stringify(documentWith({ start: { seq: 1, commit: 'c1c1c1c' } }))],
  ['a place with an era', JSON.stringify(documentWith({ start: { era: 1, seq: 1, commit } }))],
  ['no start', JSON.stringify(documentWith({ start: null }))],
  [
    'an environment that cannot exist',
    JSON.stringify(documentWith({ published: { 'A B': { seq: 1, commit } } })),
  ],
  ['a list of environments', JSON.stringify(documentWith({ published: [] }))],
])('%s is refused', (_name, text) => {
  expect(() => parseLedger(utf8(text))).toThrow(expect.objectContaining({ code: 'HW_LEDGER_INVALID' }));
});

function documentWith(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { deployment: 'tars', era: 2, start: { seq: 41, commit }, published: {}, ...fields };
}
