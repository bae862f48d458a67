import type { Finding } from '../core/finding.ts';
import { isSamePolicy } from '../core/policy.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import { settingsPath } from '../core/repo-settings.ts';
import { isApproved } from './approval-rules.ts';
import { type ApprovedBase, frameOf } from './approved-base.ts';
import type { JudgedCommit } from './commit-verdict.ts';

/**
 * Why a commit may not be published in a protected environment: it changes something there that nobody approved. `null` when it may, and
 * when something else already says why not.
 * @param base The newest approved commit before it.
 */
export function unapprovedFinding(
  commit: JudgedCommit,
  env: string,
  index: RepoIndex,
  base: ApprovedBase | null,
): Finding | null {
  const { inForce, stated, verdict } = commit;
  if (verdict.refused || stated === null || isApproved(commit, env, index.chainOf(env))) return null;
  const differences = base?.differences(frameOf(index, env)) ?? null;
  const isOtherPolicy = !isSamePolicy(stated, inForce);
  if (!isOtherPolicy && differences === null) return null;
  const changed = [
    ...(isOtherPolicy ? ['the policy'] : []),
    ...(differences?.frame ? ['its place among the environments, or who may open its secrets'] : []),
    ...listed(differences?.services ?? []),
  ];
  const why = verdict.approvals.length > 0 ? 'without the approval of an admin' : 'without approval';
  const bad =
    verdict.badApproval === null ? '' : ` (the one it carries does not count: ${verdict.badApproval})`;
  return {
    severity: 'error',
    code: 'HW_UNAPPROVED',
    file: settingsPath,
    pointer: '/protected',
    env,
    message: `${env} is protected, and ${changed.join(' and ')} changed ${why}${bad}`,
    hint: 'Revert the change and propose it: a proposal is published as soon as it is approved and merged.',
  };
}

const maxNamed = 3;

function listed(services: readonly string[]): string[] {
  if (services.length === 0) return [];
  const rest = services.length - maxNamed;
  return [services.slice(0, maxNamed).join(', ') + (rest > 0 ? ` and ${rest} more services` : '')];
}
