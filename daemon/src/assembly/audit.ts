/** The record of who did what, in the data folder. */
import { createAuditFile } from '../adapters/data/audit-file.ts';
import type { Audit } from '../ports.ts';
import { problemOf } from '../problems.ts';
import type { Context } from './context.ts';

export function openAudit({ folder, clock, problems, log, scope }: Context, deployment: string): Audit {
  const audit = createAuditFile({
    folder,
    clock,
    deployment: async () => deployment,
    onProblem(error) {
      if (error === null) {
        if (problems.clear('audit')) log.info({}, 'the audit log is written again');
      } else if (problems.set('audit', problemOf(error, 'HW_AUDIT_FAILED')))
        log.error(
          { err: error },
          'the audit log cannot be written; what happened meanwhile is written when it can be',
        );
    },
  });
  scope.defer(() => audit.idle());
  return audit;
}
