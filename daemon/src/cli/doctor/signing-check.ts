import { readCommitPublicKey } from '../../adapters/data/commit-key.ts';
import { daemonPerson } from '../../core/daemon-person.ts';
import type { Policy } from '../../core/policy.ts';
import { allowedSignersPath, signsCommits } from '../../core/signatures/allowed-signers.ts';
import { daemonSignerLine } from '../../core/signatures/commit-signer.ts';
import { matchesPatternList } from '../../core/signatures/pattern-list.ts';
import { attempt, type Check, ok, problem, skip } from './check.ts';
import type { SecretsScene } from './secrets-checks.ts';

/** Of the daemon: where commits must be signed, may it sign its own? */
export function checkSigning(scene: SecretsScene | null): Promise<Check> {
  return attempt('signatures', async () => {
    if (scene === null) return skip('signatures', 'give --data, on the machine of the daemon');
    const { policy } = await scene.repository.index();
    if (policy === null || policy.signedCommits === 'off')
      return ok('signatures', 'no signature is asked for');
    const publicKey = await readCommitPublicKey(scene.folder);
    if (publicKey === null)
      return skip('signatures', 'the daemon has no key for commits yet: it was never started');
    if (isListed(policy, publicKey))
      return ok('signatures', `commits are to be signed, and ${allowedSignersPath} lists the daemon`);
    return problem(
      'signatures',
      policy.signedCommits === 'require'
        ? `commits must be signed, and ${allowedSignersPath} does not list the daemon: no edit through it is published`
        : `commits are to be signed, and ${allowedSignersPath} does not list the daemon`,
      `Add the line, in a commit that is signed itself: ${daemonSignerLine(publicKey)}`,
    );
  });
}

function isListed({ signers }: Policy, publicKey: string): boolean {
  const lines = signers.signers.byKey.get(publicKey.split(' ')[1] ?? '') ?? [];
  return lines.some((line) => signsCommits(line) && matchesPatternList(daemonPerson.email, line.principals));
}
