/**
 * Who may change what: `protected`, `review` and `signedCommits` of `headwater.json`, and `allowed_signers`. A tree states a policy; it
 * is in force only from a commit that was allowed to change it. Spec: docs/protocol.md §10.1.
 */
import { environmentChain, type RepoSettings } from './repo-settings.ts';
import { type AllowedSigners, canAnybodySign, nobody } from './signatures/allowed-signers.ts';

export interface Policy {
  /** Environments that `headwater.json` lists, sorted. */
  readonly protected: readonly string[];
  /** Those, and the environments that extend one of them. */
  readonly covered: ReadonlySet<string>;
  readonly review: RepoSettings['review'];
  readonly signedCommits: RepoSettings['signedCommits'];
  readonly signers: SignersFile;
}

/** `allowed_signers` as it stands in a tree. */
export interface SignersFile {
  /** Mode and id of the file; "" when there is none. */
  readonly id: string;
  readonly signers: AllowedSigners;
}

export const noSigners: SignersFile = { id: '', signers: nobody };

/** What holds before the first commit: nothing is protected, no signature is asked for. */
export const noPolicy: Policy = {
  protected: [],
  covered: new Set(),
  review: 'headwater',
  signedCommits: 'off',
  signers: noSigners,
};

export function statedPolicy(settings: RepoSettings, signers: SignersFile): Policy {
  const listed = [...new Set(settings.protected)].sort();
  const covered = settings.environments.filter(({ name }) =>
    environmentChain(settings, name).some((env) => listed.includes(env)),
  );
  return {
    protected: listed,
    covered: new Set(covered.map(({ name }) => name)),
    review: settings.review,
    signedCommits: settings.signedCommits,
    signers,
  };
}

/** True when nobody could ever keep it: signatures are required, and nobody is listed who could make one. */
export function isHopeless({ signedCommits, signers }: Policy): boolean {
  return signedCommits === 'require' && !canAnybodySign(signers.signers);
}

/** True when both ask for the same. Which environments extend a protected one is not compared. */
export function isSamePolicy(a: Policy, b: Policy): boolean {
  return (
    a === b ||
    (a.protected.join() === b.protected.join() &&
      a.review === b.review &&
      a.signedCommits === b.signedCommits &&
      a.signers.id === b.signers.id)
  );
}

/** As `isSamePolicy`, and the same environments are covered. */
export function isEqualPolicy(a: Policy, b: Policy): boolean {
  return a === b || (isSamePolicy(a, b) && a.covered.size === b.covered.size && !losesCover(a, b));
}

/** True when some environment that is covered now would not be any more. */
export function losesCover(inForce: Policy, next: Policy): boolean {
  return [...inForce.covered].some((env) => !next.covered.has(env));
}

/** @param chain Environments from the root of `extends` down to this one, as a commit has them; empty when it declares no such environment. */
export function isProtected(policy: Policy, env: string, chain: readonly string[]): boolean {
  return policy.covered.has(env) || chain.some((one) => policy.protected.includes(one));
}

/** True when commits need an approval of Headwater's own somewhere. */
export function asksForApproval(policy: Policy): boolean {
  return policy.protected.length > 0 && policy.review === 'headwater';
}
