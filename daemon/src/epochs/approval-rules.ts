/** Which commits count as approved, and which policy is in force after them. Pure; spec: docs/protocol.md §10.1. */
import { isByAdmin, type OpenedApproval } from '@headwater/schemas/protocol';
import {
  asksForApproval,
  isHopeless,
  isProtected,
  isSamePolicy,
  losesCover,
  type Policy,
} from '../core/policy.ts';
import type { JudgedCommit } from './commit-verdict.ts';

/**
 * True when whatever the commit holds for the environment is approved.
 * @param chain Environments from the root of `extends` down to this one, in the commit's tree.
 */
export function isApproved(commit: JudgedCommit, env: string, chain: readonly string[]): boolean {
  const { inForce, verdict } = commit;
  if (verdict.refused) return false;
  if (!isProtected(inForce, env, chain) || inForce.review === 'forge') return true;
  return hasApproval(commit, [env]);
}

/** Policy in force after the commit. The same object when nothing changes. */
export function policyAfter(commit: JudgedCommit): Policy {
  const { inForce, stated, verdict } = commit;
  if (stated === null || stated === inForce || verdict.refused || isHopeless(stated)) return inForce;
  if (!asksForApproval(inForce)) return stated;
  // Equal but for environments that extend a protected one now: taken over when somebody approved that.
  return hasApproval(commit, [...inForce.covered]) ? stated : inForce;
}

/** True when somebody approved who may: an admin where the commit changes the policy. */
function hasApproval(commit: JudgedCommit, envs: readonly string[]): boolean {
  const { inForce, stated, verdict } = commit;
  // What cannot be read cannot be approved.
  if (stated === null) return false;
  const needsAdmin = !isSamePolicy(stated, inForce) || losesCover(inForce, stated);
  return verdict.approvals.some(
    (one) => (!needsAdmin || isByAdmin(one.approval)) && isStillGood(one, commit, envs),
  );
}

/** What was published stays approved; under a revoked key nothing more does. */
function isStillGood({ isRevoked }: OpenedApproval, commit: JudgedCommit, envs: readonly string[]): boolean {
  return !isRevoked || envs.some((env) => commit.place.seq <= commit.publishedSeq(env));
}
