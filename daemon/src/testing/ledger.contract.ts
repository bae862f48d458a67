import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ledger, LedgerRecord } from '../ports.ts';

export interface LedgerHarness {
  readonly ledger: Ledger;
  /** Another daemon of the same deployment, on the same ledger. */
  readonly other: Ledger;
  /** A commit that the ledger can keep. */
  readonly commit: string;
  close(): Promise<void>;
}

/** What every ledger does; `open` gives one of deployment "tars" that was never written to. */
export function ledgerContract(name: string, open: () => Promise<LedgerHarness>): void {
  describe(`ledger: ${name}`, () => {
    let harness: LedgerHarness;
    let ledger: Ledger;
    beforeEach(async () => {
      harness = await open();
      ledger = harness.ledger;
    });
    afterEach(() => harness.close());

    const record = (era: number, envs: Readonly<Record<string, number>> = {}): LedgerRecord => ({
      deployment: 'tars',
      era,
      start: { seq: 1, commit: harness.commit },
      published: new Map(Object.entries(envs).map(([env, seq]) => [env, { seq, commit: harness.commit }])),
    });

    test('nothing was written, so nothing is read', async () => {
      expect(await ledger.read()).toBeNull();
    });

    test('what was written is read, by every daemon, and the newest wins', async () => {
      const first = await ledger.append(record(1), null);
      expect(first.record).toEqual(record(1));
      expect(await ledger.read()).toEqual(first);
      const second = await ledger.append(record(1, { prod: 7, dev: 9 }), first.id);
      expect(second.id).not.toBe(first.id);
      expect(await harness.other.read()).toEqual(second);
    });

    test('a commit that is not in the repository is recorded all the same', async () => {
      const gone = { seq: 9, commit: 'ab'.repeat(20) };
      const written = { ...record(3), published: new Map([['dev', gone]]) };
      await ledger.append(written, null);
      expect((await ledger.read())?.record).toEqual(written);
    });

    test('of two daemons that write on top of the same entry one is refused', async () => {
      const first = await ledger.append(record(1), null);
      const again = harness.other.append(record(2), null);
      await expect(again).rejects.toMatchObject({ code: 'HW_REF_MOVED' });
      await harness.other.append(record(2), first.id);
      await expect(ledger.append(record(3), first.id)).rejects.toMatchObject({ code: 'HW_REF_MOVED' });
      expect((await ledger.read())?.record.era).toBe(2);
    });
  });
}
