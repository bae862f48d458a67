import { HeadwaterError } from '@headwater/schemas/protocol';

/** Why a signature does not count, for programs; people read the message. */
export type SignatureReason =
  /** The text or its fields are damaged, or more stands there than belongs there. */
  | 'malformed'
  /** A kind of key, curve, hash or size that is not taken. */
  | 'unsupported'
  /** Made for something else than a git commit. */
  | 'namespace'
  /** The key is in no usable line of `allowed_signers`. */
  | 'unknown-key'
  /** The key is listed, but not for the e-mail address of the committer. */
  | 'principal'
  /** The key is listed, but not for the time of the commit. */
  | 'time'
  /** The signature does not fit the bytes of the commit. */
  | 'mismatch';

const hints: Readonly<Record<SignatureReason, string>> = {
  malformed: 'Sign the commit again with git (gpg.format ssh).',
  unsupported: 'Sign with an ed25519, ecdsa or rsa key (2048 bits or more) through gpg.format ssh.',
  namespace: 'Sign with git itself; it uses the namespace "git".',
  'unknown-key': 'Have the key listed in allowed_signers by a commit that counts, then sign again.',
  principal: "Set user.email to the address beside the key in allowed_signers, or list the committer's.",
  time: 'Correct valid-after and valid-before in allowed_signers, or the clock of the signer.',
  mismatch: 'The commit was changed after it was signed. Sign it again.',
};

/** @returns `HW_COMMIT_SIGNATURE`; `details.reason` is a `SignatureReason`. */
export function badSignature(reason: SignatureReason, message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('HW_COMMIT_SIGNATURE', {
    message,
    hint: hints[reason],
    details: { reason },
    cause,
  });
}
