/** An audit in memory. */
import { auditFailed } from '../core/audit/audit-line.ts';
import type { Audit, AuditEntry } from '../ports.ts';

export interface FakeAudit extends Audit {
  readonly entries: readonly AuditEntry[];
  /** The disk fails, or works again. */
  isBroken: boolean;
  /** Errors of what was only noted. */
  readonly problems: readonly unknown[];
}

export function createFakeAudit(): FakeAudit {
  const entries: AuditEntry[] = [];
  const problems: unknown[] = [];
  const unwritten: AuditEntry[] = [];
  const fake: FakeAudit = {
    entries,
    problems,
    isBroken: false,
    async record(...added) {
      if (fake.isBroken) throw auditFailed('ENOSPC', null);
      entries.push(...unwritten.splice(0), ...added);
    },
    note(...added) {
      fake.record(...added).catch((error: unknown) => {
        unwritten.push(...added);
        problems.push(error);
      });
    },
    async idle() {},
  };
  return fake;
}
