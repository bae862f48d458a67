/** What a commit proves by itself: its signature and its approvals, judged under the policy in force at its first parent. */
import { approvalTrailer, isHeadwaterError, type OpenedApproval } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import { asksForApproval, type Policy } from '../core/policy.ts';
import { allowedSignersPath } from '../core/signatures/allowed-signers.ts';
import { verifyCommit } from '../core/signatures/verify-commit.ts';
import type { CommitInfo } from '../ports.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { CommitPlace } from './place.ts';
import { trailersOf } from './trailers.ts';

export interface CommitVerdict {
  /** Why the commit may be published nowhere: its signature; `null` when that is in order or not required. */
  readonly refused: Finding | null;
  /** What is wrong with its signature where that is only a warning. */
  readonly warning: Finding | null;
  /** Approvals that fit this commit. */
  readonly approvals: readonly OpenedApproval[];
  /** Why a trailer that looks like an approval does not count; `null` without such a one. */
  readonly badApproval: string | null;
}

/** Of a commit from which nothing is asked. */
const nothingAsked: CommitVerdict = {
  refused: null,
  warning: null,
  approvals: [],
  badApproval: null,
};

/** A commit of the followed line with its verdict. */
export interface JudgedCommit {
  readonly place: CommitPlace;
  /** Policy in force at its first parent. */
  readonly inForce: Policy;
  /** What its own tree asks for; `null` when that cannot be read. */
  readonly stated: Policy | null;
  readonly verdict: CommitVerdict;
  /** See `ApprovalCheck`. */
  readonly publishedSeq: (env: string) => number;
}

type VerdictDeps = Pick<EngineDeps, 'reader' | 'approvals'>;

/** Costs nothing where nothing is asked; reads the raw commit only when its signature matters. Rejects as `readRawCommit`. */
export async function judgeCommit(
  commit: CommitInfo,
  where: Pick<JudgedCommit, 'place' | 'inForce' | 'stated'>,
  deps: VerdictDeps,
): Promise<JudgedCommit> {
  const verdict = await verdictOn(commit, where.inForce, deps);
  return { ...where, verdict, publishedSeq: (env) => deps.approvals?.publishedSeq(env) ?? 0 };
}

async function verdictOn(commit: CommitInfo, inForce: Policy, deps: VerdictDeps): Promise<CommitVerdict> {
  const approvals = asksForApproval(inForce) ? openApprovals(commit, deps) : nothingAsked;
  if (inForce.signedCommits === 'off') return approvals;
  const finding = await judgeSignature(commit, inForce, deps);
  if (finding === null) return approvals;
  return inForce.signedCommits === 'require'
    ? { ...approvals, refused: finding }
    : { ...approvals, warning: { ...finding, severity: 'warning' } };
}

/** True when the commit has a trailer that may be an approval. Cheap. */
export const claimsApproval = ({ message }: CommitInfo): boolean =>
  trailersOf(message, approvalTrailer).length > 0;

async function judgeSignature(
  commit: CommitInfo,
  { signers }: Policy,
  { reader }: VerdictDeps,
): Promise<Finding | null> {
  const verdict = verifyCommit(await reader.readRawCommit(commit.id), commit, signers.signers);
  if (verdict.verified) return null;
  const { code, message, hint = '' } = verdict.problem;
  return { severity: 'error', code, file: allowedSignersPath, pointer: '', message, hint };
}

/** More trailers than anybody needs are not looked at. */
const maxApprovals = 8;

function openApprovals(commit: CommitInfo, { approvals: check }: VerdictDeps): CommitVerdict {
  const parent = commit.parents[0];
  if (check === undefined || parent === undefined) return nothingAsked;
  const approvals: OpenedApproval[] = [];
  let badApproval: string | null = null;
  for (const text of trailersOf(commit.message, approvalTrailer).slice(0, maxApprovals)) {
    try {
      approvals.push(check.open(text, { parent, tree: commit.tree }));
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      badApproval = error.message;
    }
  }
  return { ...nothingAsked, approvals, badApproval };
}
