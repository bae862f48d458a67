/**
 * What a clone can say of signatures and protected environments. It has no keys of the deployment, so approvals are taken at their word;
 * the daemon is stricter.
 */
import { isHeadwaterError, readUnverifiedApproval } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import { asksForApproval, type Policy } from '../core/policy.ts';
import { RepoIndex } from '../core/repo-index.ts';
import type { EngineDeps } from '../epochs/engine-deps.ts';
import { EpochEngine } from '../epochs/epoch-engine.ts';
import { Generations } from '../epochs/generations.ts';
import { PolicyPast } from '../epochs/policy-past.ts';
import { unapprovedChanges } from '../epochs/unapproved-changes.ts';
import type { CommitId } from '../ports.ts';
import type { ConfigRepository } from './config-repository.ts';

/** What the policy says of a commit, as if it were the newest one of the followed branch. */
export async function policyOfCommit(
  repository: ConfigRepository,
  commit: CommitId,
): Promise<readonly Finding[]> {
  const engine = await engineAt(repository, commit);
  return engine?.policyFindings ?? [];
}

/** Warnings: what of the files on top of `tip` would need an approval, and what is wrong with `tip` itself. */
export async function policyOfChanges(
  repository: ConfigRepository,
  tip: CommitId,
  files: RepoIndex,
): Promise<readonly Finding[]> {
  const engine = await engineAt(repository, tip);
  if (engine === null) return [];
  const ofTip = engine.policyFindings.filter(({ code }) => code !== 'HW_UNAPPROVED');
  const findings = [...ofTip, ...unapprovedChanges(engine, files)];
  return findings.map((finding) => ({ ...finding, severity: 'warning' }));
}

/** An engine that knows policies and approvals, and calls every config good. `null` where nothing is asked, or history is cut off. */
async function engineAt({ reader }: ConfigRepository, commit: CommitId): Promise<EpochEngine | null> {
  const createIndex = () => RepoIndex.create((oid, maxBytes) => reader.readBlob(oid, maxBytes));
  const deps: EngineDeps = {
    reader,
    createIndex,
    judge: async ({ key }) => ({ key, resolved: anyConfig, findings: [] }),
    rules: { deployment: null },
    recent: 0,
    approvals: { open: openUnverified, publishedSeq: () => Number.POSITIVE_INFINITY },
  };
  try {
    const generations = new Generations(reader);
    await generations.learn(commit, []);
    const policies = await PolicyPast.read(commit, deps, generations);
    const place = generations.place(commit);
    if (!asksAnything(policies.before(place)) && !asksAnything(policies.from(place))) return null;
    const engine = new EpochEngine(deps);
    await engine.start(commit);
    return engine;
  } catch (error) {
    if (isHeadwaterError(error, 'HW_REPO_SHALLOW')) return null;
    throw error;
  }
}

const asksAnything = (policy: Policy): boolean => policy.signedCommits !== 'off' || asksForApproval(policy);

const anyConfig = { config: {}, digest: '', schema: '', schemaDocument: {}, secrets: null };

const openUnverified: NonNullable<EngineDeps['approvals']>['open'] = (text, change) => ({
  approval: readUnverifiedApproval(text, change),
  keyId: '',
  isRevoked: false,
});
