import { asksForApproval, isProtected, type Policy } from '../core/policy.ts';
import { settingsPath } from '../core/repo-settings.ts';
import { allowedSignersPath } from '../core/signatures/allowed-signers.ts';
import type { TreeChange } from '../ports.ts';
import type { CandidateVerdict } from './candidate-judge.ts';

/** Files that say who may change what and who can read secrets: a change of one is a change of everything protected. */
const policyFiles: ReadonlySet<string> = new Set([settingsPath, allowedSignersPath, '.sops.yaml']);

/**
 * Protected environments that changes reach: there they count only with an approval. Sorted.
 * @param policy In force where they are made.
 */
export function protectedReach(
  policy: Policy,
  changes: readonly TreeChange[],
  { affected }: Pick<CandidateVerdict, 'affected'>,
): string[] {
  if (!asksForApproval(policy)) return [];
  const reached = new Set(changes.some(({ path }) => policyFiles.has(path)) ? policy.covered : []);
  for (const [env, services] of affected) {
    const inputs = services[0]?.after?.inputs ?? services[0]?.before?.inputs;
    if (isProtected(policy, env, inputs?.chain ?? [])) reached.add(env);
  }
  return [...reached].sort();
}
