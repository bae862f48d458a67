/**
 * Whether whoever pushes may change what the push changes. A push over HTTP comes with a token; one through the file system or ssh
 * carries no identity, and the right to write there is what lets it in.
 */
import { coversEverything, coversService, hasRole, type PeopleRole, type TokenRecord } from '../access.ts';
import { classifyPath } from '../core/layout.ts';
import type { TreeChange } from '../ports.ts';
import type { CandidateVerdict } from './candidate-judge.ts';
import type { PushProblem } from './push-problem.ts';

/** Reasons to refuse this change to the followed branch from this person. */
export function authorityProblems(
  token: TokenRecord,
  { affected }: Pick<CandidateVerdict, 'affected'>,
  changes: readonly TreeChange[],
): PushProblem[] {
  const problems: PushProblem[] = [];
  for (const [env, services] of affected) {
    for (const { service } of services) {
      if (hasRole(token, 'editor') && coversService(token, env, service)) continue;
      problems.push(
        forbidden(`${service} in ${env}`, 'editor', 'it changes config that this token does not reach'),
      );
    }
  }
  for (const { path, to } of changes) {
    const { kind } = classifyPath(path);
    const isPolicy = kind === 'settings' || kind === 'allowed-signers' || kind === 'sops-rules';
    if (isPolicy && !coversEverything(token))
      problems.push(forbidden(path, 'editor', 'it is for everybody, and this token is limited to a part'));
    // Whoever adds a recipient lets somebody read secrets.
    if (kind === 'recipients' && to !== null && !hasRole(token, 'admin'))
      problems.push(forbidden(path, 'admin', 'it says who may read secrets'));
  }
  return problems;
}

function forbidden(place: string, role: PeopleRole, message: string): PushProblem {
  return {
    code: 'HW_FORBIDDEN',
    place,
    envs: [],
    message,
    hint: `It needs a token with the role ${role} that reaches it. Ask an admin for one, or for making this change.`,
  };
}
