import { HeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Attention } from '../attention.ts';
import { Era } from '../epochs/era.ts';
import { createLog } from '../log.ts';
import type { LedgerEntry } from '../ports.ts';
import { Problems } from '../problems.ts';
import { createFakeLedger } from '../testing/fake-ledger.ts';
import { LedgerKeeper } from './ledger-keeper.ts';

const commitOf = (seq: number) => `${seq}`.padStart(40, '0');

function scene(ledger = createFakeLedger()) {
  const problems = new Problems();
  const era = new Era();
  const published = new Map<string, { era: number; seq: number; commit: string }>();
  const log = createLog({ stream: { write: () => undefined }, level: 'silent' });
  const keeper = new LedgerKeeper({
    ledger,
    deployment: 'tars',
    clock: { now: () => Date.now(), monotonic: () => Date.now() },
    attention: new Attention(problems, log),
    era,
    published: () => published,
  });
  return {
    ledger,
    keeper,
    era,
    codes: () => problems.list().map(({ code }) => code),
    /** Something was published; what that sets in motion within `ms` happens. */
    async publish(seq: number, ms = 0) {
      published.set('dev', { era: era.current, seq, commit: commitOf(seq) });
      keeper.note();
      await vi.advanceTimersByTimeAsync(ms);
    },
    seqInLedger: () => ledger.entry?.record.published.get('dev')?.seq,
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the first epoch is written down at once, later ones once a minute, the last one at the stop', async () => {
  const { ledger, keeper, publish, seqInLedger } = scene();
  await publish(1);
  expect(seqInLedger()).toBe(1);
  for (let seq = 2; seq <= 40; seq++) await publish(seq, 10_000);
  expect([ledger.writes, seqInLedger()]).toEqual([7, 37]);
  await publish(41);
  await keeper.stop();
  expect([ledger.writes, seqInLedger()]).toEqual([8, 41]);
  await publish(42, 120_000);
  expect(seqInLedger()).toBe(41);
});

test('what another daemon wrote down already is not written again', async () => {
  const one = scene();
  const two = scene(one.ledger);
  await one.publish(1);
  for (let seq = 2; seq <= 10; seq++) {
    await one.publish(seq, 60_000);
    await two.publish(seq, 60_000);
  }
  expect(one.seqInLedger()).toBe(10);
  expect(one.ledger.writes).toBe(10);
  expect([...one.codes(), ...two.codes()]).toEqual([]);
});

test('an era is begun on top of what others wrote meanwhile, once', async () => {
  const one = scene();
  const two = scene(one.ledger);
  await one.publish(1);
  await two.keeper.read();
  await one.publish(2, 60_000); // two does not know of it
  await two.keeper.begin(2, { seq: 1, commit: commitOf(1) });
  expect(one.ledger.entry?.record).toMatchObject({ era: 2, published: new Map() });
  await expect(one.keeper.begin(2, { seq: 5, commit: commitOf(5) })).rejects.toMatchObject({
    code: 'HW_REF_MOVED',
  });
  expect(one.keeper.record?.start.seq).toBe(1);
});

test('an entry that cannot be believed is reported and left alone; the last one that could be stays in use', async () => {
  const { ledger, keeper, publish, codes, seqInLedger } = scene();
  await publish(1);
  const details = { id: ledger.entry?.id };
  ledger.failure = new HeadwaterError('HW_LEDGER_FOREIGN', { message: 'somebody else', details });
  await publish(2, 60_000);
  expect([codes(), ledger.writes, keeper.record?.published.get('dev')?.seq]).toEqual([
    ['HW_LEDGER_FOREIGN'],
    1,
    1,
  ]);
  expect(keeper.refusal?.code).toBe('HW_LEDGER_FOREIGN');
  await keeper.begin(2, { seq: 2, commit: commitOf(2) }); // somebody decided to write over it
  expect([codes(), keeper.refusal, seqInLedger()]).toEqual([[], null, undefined]);
});

test('a write that fails is reported until one succeeds; a host that is away, and one who was faster, are no reason', async () => {
  const { ledger, publish, codes, seqInLedger } = scene();
  const failing = vi.spyOn(ledger, 'append');
  for (const [code, expected] of [
    ['HW_UPSTREAM_UNREACHABLE', []],
    ['HW_REF_MOVED', []],
    ['HW_STORAGE_FAILED', ['HW_STORAGE_FAILED']],
  ] as const) {
    failing.mockRejectedValueOnce(new HeadwaterError(code, { message: 'no' }));
    await publish(1, 60_000);
    expect(codes()).toEqual(expected);
  }
  await publish(2, 60_000);
  expect([codes(), seqInLedger()]).toEqual([[], 2]);
});

test('a ledger that moves away under every write is reported: nothing is remembered any more', async () => {
  const { ledger, publish, codes, seqInLedger } = scene();
  const failing = vi.spyOn(ledger, 'append');
  for (let i = 1; i <= 3; i++) {
    failing.mockRejectedValueOnce(new HeadwaterError('HW_REF_MOVED', { message: 'it moved' }));
    await publish(i, 60_000);
    expect(codes()).toEqual(i < 3 ? [] : ['HW_REF_MOVED']);
  }
  await publish(4, 60_000);
  expect([codes(), seqInLedger()]).toEqual([[], 4]);
});

test('a ledger that vanished is written again, and keys that were rotated seal it anew', async () => {
  const { ledger, publish, seqInLedger } = scene();
  await publish(1);
  ledger.entry = null;
  await publish(1, 60_000);
  expect([ledger.writes, seqInLedger()]).toEqual([2, 1]);
  const { entry } = ledger as { entry: LedgerEntry | null };
  ledger.entry = entry && { ...entry, isFresh: false };
  await publish(1, 60_000);
  expect(ledger.writes).toBe(3);
  await publish(1, 60_000);
  expect(ledger.writes).toBe(3);
});

test('when keys change the entry is sealed anew, also when no key that counts sealed it, without what is not on the line', async () => {
  const { ledger, keeper, publish, codes } = scene();
  await publish(7);
  const ours = ledger.entry as LedgerEntry;
  const foreign = (id: string) =>
    new HeadwaterError('HW_LEDGER_FOREIGN', { message: 'revoked', details: { id } });
  ledger.failure = foreign(ours.id as string);
  await keeper.reseal(null);
  expect([ledger.writes, ledger.failure, codes()]).toEqual([2, null, []]);
  expect(ledger.entry?.record).toEqual(ours.record);
  await keeper.reseal(null);
  expect(ledger.writes).toBe(2);

  const has = async ({ seq }: { seq: number }) => seq < 5;
  await keeper.reseal({ at: { commit: commitOf(4), seq: 4 }, has });
  expect(ledger.entry?.record).toMatchObject({ start: { seq: 4 }, published: new Map() });

  // Somebody wrote there since, with the key that was stolen.
  ledger.failure = foreign('entry-of-a-thief');
  await keeper.reseal(null);
  expect([ledger.writes, codes()]).toEqual([3, ['HW_LEDGER_FOREIGN']]);
});
