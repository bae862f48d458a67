import { userInfo } from 'node:os';
import { createAuditFile } from '../adapters/data/audit-file.ts';
import type { DataFolder } from '../adapters/data/data-folder.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Audit, AuditActor } from '../ports.ts';
import { readDataKeys } from './data-keys.ts';

/** The audit log of a daemon, for commands that change something beside it. */
export function openLocalAudit(folder: DataFolder): Audit {
  return createAuditFile({
    folder,
    deployment: async () => (await readDataKeys(folder)).deployment,
    clock: systemClock,
  });
}

/** The user of this machine: whoever may write the data folder needs no token. */
export function localActor(): AuditActor {
  return { kind: 'user', name: userInfo().username };
}
