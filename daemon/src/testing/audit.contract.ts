import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Audit, AuditEntry } from '../ports.ts';

export interface AuditHarness {
  readonly audit: Audit;
  /** What was written, oldest first, without what the log says of itself. */
  read(): Promise<readonly Partial<AuditEntry>[]>;
  /** Lets writing fail, or work again. */
  setBroken(isBroken: boolean): Promise<void>;
  /** What nobody waited for and could not be written. */
  readonly problems: readonly unknown[];
  close(): Promise<void>;
}

/** What every audit does; `open` gives an empty one. */
export function auditContract(name: string, open: () => Promise<AuditHarness>): void {
  describe(`audit: ${name}`, () => {
    let harness: AuditHarness;
    let audit: Audit;
    beforeEach(async () => {
      harness = await open();
      audit = harness.audit;
    });
    afterEach(() => harness.close());

    const ada = { kind: 'token', id: 'abcdefghijkl', name: 'Ada, laptop' } as const;
    const entry = (pointer: string): AuditEntry => ({
      action: 'secret-set',
      actor: ada,
      requestId: 'r-1',
      env: 'dev',
      service: 'router',
      pointer,
    });

    test('what was recorded is there, in its order', async () => {
      await audit.record(entry('/a'), entry('/b'));
      await Promise.all([audit.record(entry('/c')), audit.record(entry('/d'))]);
      const read = await harness.read();
      expect(read.map(({ pointer }) => pointer)).toEqual(['/a', '/b', '/c', '/d']);
      expect(read[0]).toEqual(entry('/a'));
    });

    test('what cannot be recorded is an error, and is not there later either', async () => {
      await audit.record(entry('/a'));
      await harness.setBroken(true);
      await expect(audit.record(entry('/b'))).rejects.toMatchObject({ code: 'HW_AUDIT_FAILED' });
      await harness.setBroken(false);
      await audit.record(entry('/c'));
      expect((await harness.read()).map(({ pointer }) => pointer)).toEqual(['/a', '/c']);
    });

    test('what was noted and could not be written is a problem, and is written with the next entry', async () => {
      await harness.setBroken(true);
      audit.note(entry('/a'));
      await audit.idle();
      expect(harness.problems).toEqual([expect.objectContaining({ code: 'HW_AUDIT_FAILED' })]);
      await harness.setBroken(false);
      audit.note(entry('/b'));
      await audit.idle();
      expect((await harness.read()).map(({ pointer }) => pointer)).toEqual(['/a', '/b']);
    });
  });
}
