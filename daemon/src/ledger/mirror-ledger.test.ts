import { expect, test } from 'vitest';
import { createFakeLedger } from '../testing/fake-ledger.ts';
import { ledgerContract } from '../testing/ledger.contract.ts';
import { createMirrorLedger } from './mirror-ledger.ts';

const commit = 'c1'.repeat(20);
const record = (era: number) => ({
  deployment: 'tars',
  era,
  start: { seq: 1, commit },
  published: new Map(),
});

for (const takesPushes of [true, false]) {
  ledgerContract(`of a mirror whose host takes ${takesPushes ? '' : 'no '}pushes`, async () => {
    const parts = { shared: createFakeLedger(), own: createFakeLedger(), takesPushes: () => takesPushes };
    const ledger = createMirrorLedger(parts);
    return { ledger, other: createMirrorLedger(parts), commit, close: async () => undefined };
  });
}

test('what others wrote at a host that takes no pushes of ours counts when its era is later', async () => {
  const [shared, own] = [createFakeLedger(), createFakeLedger()];
  const ledger = createMirrorLedger({ shared, own, takesPushes: () => false });
  expect(ledger.isLocal).toBe(true);
  const mine = await ledger.append(record(2), null);
  await shared.append(record(2), null);
  expect(await ledger.read()).toEqual(mine);
  await shared.append(record(3), 'entry-1');
  expect((await ledger.read())?.record.era).toBe(3);
  await ledger.append(record(3), mine.id);
  expect([own.entry?.record.era, shared.writes]).toEqual([3, 2]);
});

test('what was remembered here alone is not forgotten when the host takes pushes after all', async () => {
  const [shared, own] = [createFakeLedger(), createFakeLedger()];
  let takesPushes = false;
  const ledger = createMirrorLedger({ shared, own, takesPushes: () => takesPushes });
  await ledger.append(record(4), null);
  takesPushes = true;
  const entry = await ledger.read();
  expect(entry).toMatchObject({ id: null, record: { era: 4 } });
  await ledger.append(record(4), entry?.id ?? null);
  expect([ledger.isLocal, shared.entry?.record.era]).toEqual([false, 4]);
});
