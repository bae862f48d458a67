import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { CommitInfo } from '../../ports.ts';
import { type AllowedSigner, type AllowedSigners, gitNamespace, signsCommits } from './allowed-signers.ts';
import { badSignature } from './bad-signature.ts';
import { matchesPatternList } from './pattern-list.ts';
import { splitSignedCommit } from './signed-commit.ts';
import { parseSshSignature } from './ssh-signature.ts';

/** Who signed a commit, or why nobody counts as having done so. */
export type CommitSignature =
  | { readonly verified: true; readonly fingerprint: string; readonly line: number }
  /** `HW_COMMIT_UNSIGNED` or `HW_COMMIT_SIGNATURE`. */
  | { readonly verified: false; readonly problem: HeadwaterError };

/**
 * Judges the ssh signature of a commit.
 * @param raw Content of the commit object, as it is stored.
 * @param commit The same commit, parsed: its committer names the principal and the time.
 */
export function verifyCommit(raw: Uint8Array, commit: CommitInfo, signers: AllowedSigners): CommitSignature {
  try {
    const { signature, payload } = splitSignedCommit(raw);
    if (signature === null) throw unsigned();
    const parsed = parseSshSignature(signature);
    // Everything that costs nothing is judged before the cryptography.
    if (parsed.namespace !== gitNamespace)
      throw badSignature(
        'namespace',
        `the signature was made for "${parsed.namespace}", expected "${gitNamespace}"`,
      );
    const signer = findSigner(
      Buffer.from(parsed.keyBlob).toString('base64'),
      parsed.key.fingerprint,
      commit,
      signers,
    );
    if (!parsed.fits(payload))
      throw badSignature('mismatch', `the signature by ${signer.fingerprint} does not fit the commit`);
    return { verified: true, fingerprint: signer.fingerprint, line: signer.line };
  } catch (error) {
    const isVerdict =
      isHeadwaterError(error, 'HW_COMMIT_SIGNATURE') || isHeadwaterError(error, 'HW_COMMIT_UNSIGNED');
    if (!isVerdict) throw error;
    return { verified: false, problem: error };
  }
}

function findSigner(
  key: string,
  fingerprint: string,
  { committer }: CommitInfo,
  signers: AllowedSigners,
): AllowedSigner {
  const listed = (signers.byKey.get(key) ?? []).filter(signsCommits);
  if (listed.length === 0)
    throw badSignature(
      'unknown-key',
      `the commit is signed by ${fingerprint}, which allowed_signers does not list`,
    );
  const own = listed.filter(({ principals }) => matchesPatternList(committer.email, principals));
  if (own.length === 0)
    throw badSignature(
      'principal',
      `${fingerprint} may not sign for the committer <${committer.email.slice(0, 100)}>`,
    );
  const inTime = own.find(
    ({ validAfter, validBefore }) =>
      (validAfter === null || committer.time >= validAfter) &&
      (validBefore === null || committer.time <= validBefore),
  );
  if (inTime === undefined)
    throw badSignature('time', `${fingerprint} was not valid at the time of the commit`);
  return inTime;
}

function unsigned(): HeadwaterError {
  return new HeadwaterError('HW_COMMIT_UNSIGNED', {
    message: 'the commit has no signature',
    hint: 'Sign commits: git config gpg.format ssh, git config user.signingkey <key.pub>, git config commit.gpgsign true.',
  });
}
