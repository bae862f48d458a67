import type { Finding } from '../core/finding.ts';
import { asksForApproval } from '../core/policy.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import { ApprovedBase, absent } from './approved-base.ts';
import type { EpochEngine } from './epoch-engine.ts';
import { unapprovedFinding } from './unapproved.ts';

/** What a tree on top of the commit at which the engine stands would change in protected environments: nobody has approved that yet. */
export function unapprovedChanges(engine: EpochEngine, after: RepoIndex): Finding[] {
  const { at, policy } = engine;
  if (at === null || !asksForApproval(policy)) return [];
  const verdict = { refused: null, warning: null, approvals: [], badApproval: null };
  const commit = { place: at, inForce: policy, stated: after.policy, verdict, publishedSeq: () => 0 };
  return [...new Set([...engine.environments.keys(), ...after.environments()])].flatMap((env) => {
    const track = engine.environments.get(env);
    const base = track?.base?.fork() ?? new ApprovedBase(absent);
    for (const service of new Set([...(track?.tip.keys() ?? []), ...after.services(env)])) {
      const before = track?.tip.get(service)?.inputs.key ?? null;
      base.note(service, before, after.inputs(service, env)?.key ?? null);
    }
    return unapprovedFinding(commit, env, after, base) ?? [];
  });
}
