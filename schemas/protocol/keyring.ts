/**
 * Who may sign. Root keys sign only `keys` messages; signing keys come only from `keys` and sign everything else.
 * Spec: docs/protocol.md §4.
 */
import { fromUtf8, utf8 } from './bytes.ts';
import { type CryptoBackend, parsePublicKey } from './crypto.ts';
import { type Envelope, encodePae, parseEnvelope } from './envelope.ts';
import { HeadwaterError } from './errors.ts';
import { parsePayload } from './parse-payload.ts';
import type { KeysPayload, Signer } from './payload.ts';
import { keyIdOf } from './signature.ts';

/** A signing key as a keyring holds it. */
export interface KeyringEntry {
  readonly keyId: string;
  readonly publicKey: Uint8Array;
  readonly signer: Signer;
}

/** Trusted signing keys by key id, from one verified `keys` message. */
export interface Keyring {
  readonly version: number;
  readonly deployment: string;
  /** Root public keys in force, 64 hex digits each. */
  readonly roots: readonly string[];
  readonly entries: ReadonlyMap<string, KeyringEntry>;
  /** The message it came from, byte for byte. */
  readonly envelope: Uint8Array;
  readonly payload: KeysPayload;
}

/** What is trusted before a `keys` message is judged. */
export interface RootTrust {
  /** Root public keys: from the connection file, or those of the keyring held now. */
  readonly roots: readonly string[];
  readonly deployment: string;
  /** Version held now, 0 for none. */
  readonly version: number;
}

/**
 * Verifies a `keys` message. A message of the version held now is fine (it says nothing new); a lower one is refused.
 * @throws HeadwaterError `HW_SIGNER_UNKNOWN` when no trusted root signed it, `HW_ROLLBACK`, `HW_KEY_INVALID`,
 *   `HW_MESSAGE_WRONG_TARGET`, or as `parseEnvelope` and `parsePayload`.
 */
export function openKeys(bytes: Uint8Array, trust: RootTrust, crypto: CryptoBackend): Keyring {
  const envelope = parseEnvelope(bytes);
  const { payload, roots } = verifyByRoots(envelope, trust, crypto);
  if (payload.version < trust.version) {
    throw new HeadwaterError('HW_ROLLBACK', {
      message: `the key list has version ${payload.version}, expected ${trust.version} or higher`,
      hint: 'An old key list was replayed; it is ignored.',
      details: { expected: trust.version, actual: payload.version },
    });
  }
  return {
    version: payload.version,
    deployment: payload.deployment,
    roots,
    entries: readSigners(payload, crypto),
    envelope: bytes,
    payload,
  };
}

/** True when what a signer signed at a time (RFC 3339, as the signed text says) counts. Both ends are included. */
export function isValidAt(signer: Signer, issuedAt: string): boolean {
  const at = Date.parse(issuedAt);
  return (
    at >= Date.parse(signer.notBefore) && (signer.notAfter === undefined || at <= Date.parse(signer.notAfter))
  );
}

function readSigners(payload: KeysPayload, crypto: CryptoBackend): Map<string, KeyringEntry> {
  const entries = new Map<string, KeyringEntry>();
  for (const signer of payload.signers) {
    const publicKey = parsePublicKey(signer.key);
    const keyId = keyIdOf(publicKey, crypto);
    // A second entry would hide the first one's revocation, and a root that signs config would defeat keeping it offline.
    if (entries.has(keyId)) badSigner(keyId, 'is listed twice');
    if (payload.roots.includes(signer.key)) badSigner(keyId, 'is a root key too');
    entries.set(keyId, { keyId, publicKey, signer });
  }
  return entries;
}

function badSigner(keyId: string, reason: string): never {
  throw new HeadwaterError('HW_KEY_INVALID', {
    message: `signing key ${keyId} ${reason}`,
    hint: 'Make a separate signing key with `headwater keys rotate`.',
    details: { keyId },
  });
}

/** Follows `previous` from the trusted roots to the roots that signed this message. */
function verifyByRoots(
  envelope: Envelope,
  trust: RootTrust,
  crypto: CryptoBackend,
): { payload: KeysPayload; roots: readonly string[] } {
  if (envelope.kind !== 'keys') {
    throw new HeadwaterError('HW_MESSAGE_KIND', {
      message: `a ${envelope.kind} message stands where keys belong`,
      hint: 'It is ignored.',
    });
  }
  const payload = parseUnverifiedKeys(envelope);
  if (payload.deployment !== trust.deployment) {
    throw new HeadwaterError('HW_MESSAGE_WRONG_TARGET', {
      message: `the key list is of deployment "${payload.deployment}", expected "${trust.deployment}"`,
      hint: 'Check the topic prefix: two deployments share a broker.',
    });
  }
  const roots = followPrevious(payload, trust, crypto);
  if (!signedByRoot(envelope, roots, crypto)) {
    throw new HeadwaterError('HW_SIGNER_UNKNOWN', {
      message: 'the key list is not signed by a trusted root key',
      hint: 'Enroll this service again with `headwater enroll`, or check that the broker belongs to this deployment.',
      details: { keyIds: envelope.signatures.map((signature) => signature.keyId) },
    });
  }
  return { payload, roots: payload.roots };
}

/**
 * [protocol §4.4] Only versions between the one held and the message's own count, each higher than the one before: an earlier
 * list that once named a root since dropped must not bring that root back.
 */
function followPrevious(payload: KeysPayload, trust: RootTrust, crypto: CryptoBackend): readonly string[] {
  let { roots, version } = trust;
  for (const text of payload.previous ?? []) {
    const earlier = parseEnvelope(utf8(text));
    if (earlier.kind !== 'keys') continue;
    const step = parseUnverifiedKeys(earlier);
    if (step.deployment !== trust.deployment || step.version <= version || step.version >= payload.version)
      continue;
    if (signedByRoot(earlier, roots, crypto)) ({ roots, version } = step);
  }
  return roots;
}

/** The chain must be read to know who may sign it, so a keys payload is parsed before it is verified, and trusted only after. */
function parseUnverifiedKeys(envelope: Envelope): KeysPayload {
  const payload = parsePayload('keys', envelope.payload);
  for (const root of payload.roots) parsePublicKey(root);
  return payload;
}

function signedByRoot(envelope: Envelope, roots: readonly string[], crypto: CryptoBackend): boolean {
  const pae = encodePae('keys', envelope.payload);
  return roots.some((root) => {
    const publicKey = parsePublicKey(root);
    const keyId = keyIdOf(publicKey, crypto);
    return envelope.signatures.some(
      (one) => one.keyId === keyId && crypto.verify(one.signature, pae, publicKey),
    );
  });
}

/** A keys envelope as text, for `previous` and connection files: its payload is JSON, so the bytes are UTF-8. */
export const keysText = (bytes: Uint8Array): string => fromUtf8(bytes);
