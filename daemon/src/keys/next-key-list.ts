/** The key list that follows another one: a new signing key, an old one that ends, a stolen one that counts no more. Pure. */
import {
  type CryptoBackend,
  HeadwaterError,
  type KeysPayload,
  keyIdOf,
  parsePublicKey,
  type Signer,
} from '@headwater/schemas/protocol';

export interface NextKeyList {
  /** Public key that signs from now on, 64 hex digits. Default: the one that signs already. */
  readonly newKey?: string;
  /** Public keys that are revoked. */
  readonly revoke?: ReadonlySet<string>;
  /** Until when keys that a new one replaces may be the only ones that signed something, in milliseconds since 1970. Default: at once. */
  readonly graceUntil?: number;
}

/** A new key counts from a little before it was made, so that a clock that is set back does not stop everything. */
const backdateMs = 5 * 60 * 1000;

/** [protocol §4.2] */
const maxSigners = 64;

/** @param now Milliseconds since 1970. @throws HeadwaterError `HW_KEY_INVALID` when the list is full. */
export function nextKeyList(
  before: KeysPayload,
  { newKey, revoke = new Set(), graceUntil }: NextKeyList,
  now: number,
): KeysPayload {
  const issuedAtMs = Math.max(now, Date.parse(before.issuedAt) + 1);
  const issuedAt = new Date(issuedAtMs).toISOString();
  const endsAt = new Date(Math.max(issuedAtMs, graceUntil ?? issuedAtMs)).toISOString();
  const signers = before.signers.map((signer): Signer => {
    if (revoke.has(signer.key)) return { ...signer, revoked: signer.revoked ?? issuedAt };
    // A clock may run behind; an end that was set earlier stays.
    const isEnding = newKey !== undefined && signer.revoked === undefined && signer.key !== newKey;
    const ends =
      signer.notAfter === undefined || Date.parse(signer.notAfter) > Date.parse(endsAt)
        ? endsAt
        : signer.notAfter;
    return isEnding ? { ...signer, notAfter: ends } : signer;
  });
  const isNew = newKey !== undefined && !signers.some(({ key }) => key === newKey);
  if (isNew) signers.unshift({ key: newKey, notBefore: new Date(issuedAtMs - backdateMs).toISOString() });
  if (signers.length > maxSigners) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `the key list would name ${signers.length} signing keys, expected ${maxSigners} at most`,
      hint: 'Keys are replaced rarely; a deployment that did it so often needs new roots and every service enrolled again.',
    });
  }
  // A list may not carry a list that carries lists. [protocol §4.4]
  return { ...before, version: before.version + 1, issuedAt, signers };
}

/** Finds a signer by its key id or its public key. @throws HeadwaterError `HW_NOT_FOUND`. */
export function findSigner(
  list: KeysPayload,
  asked: string,
  crypto: CryptoBackend,
): Signer & { readonly keyId: string } {
  for (const signer of list.signers) {
    const keyId = keyIdOf(parsePublicKey(signer.key), crypto);
    if (asked === keyId || asked === signer.key) return { ...signer, keyId };
  }
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: /^[0-9a-f]{16}$|^[0-9a-f]{64}$/.test(asked)
      ? `no signing key ${asked} was ever listed`
      : 'a key id is 16 hex digits',
    hint: 'List them: headwater keys show.',
  });
}
