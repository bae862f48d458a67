/**
 * The one way from bytes to a trusted payload: size, header, signature, then the payload from those same bytes, then its target.
 * Wire, LKG files and `headwater verify` all come through here. Spec: docs/protocol.md §6.
 */
import type { CryptoBackend } from './crypto.ts';
import { type Envelope, encodePae, type MessageKind, parseEnvelope } from './envelope.ts';
import { HeadwaterError } from './errors.ts';
import { isValidAt, type Keyring, type KeyringEntry } from './keyring.ts';
import { parsePayload } from './parse-payload.ts';
import type { Payload, PayloadByKind } from './payload.ts';

/** A verified message. */
export interface OpenedMessage<K extends MessageKind = MessageKind> {
  readonly envelope: Envelope;
  readonly payload: PayloadByKind[K];
  /** Key ids whose signature verified and whose validity covers `issuedAt`, revoked ones left out. */
  readonly signers: readonly string[];
  /** Key ids that verified but are revoked. When `signers` is empty the message counts only as a file, never from the network. */
  readonly revokedSigners: readonly string[];
}

/** What a message must be about. */
export interface MessageTarget {
  readonly deployment: string;
  readonly env?: string;
  readonly service?: string;
}

/**
 * Opens a message that is not `keys`.
 * @param kinds Kinds that may stand on the topic or in the file it came from.
 * @throws HeadwaterError `HW_MESSAGE_*`, `HW_SIGNATURE_*`, `HW_SIGNER_UNKNOWN` (nobody we know signed it: keep it until
 *   `keys` moves), `HW_SIGNER_EXPIRED`, `HW_MESSAGE_WRONG_TARGET`. A message signed by revoked keys only is returned: see `signers`.
 */
export function openMessage<K extends Exclude<MessageKind, 'keys'>>(
  bytes: Uint8Array,
  kinds: readonly K[],
  target: MessageTarget,
  keyring: Keyring,
  crypto: CryptoBackend,
): OpenedMessage<K> {
  const envelope = parseEnvelope(bytes);
  // [protocol §6.1] the kind is judged before any cryptography
  if (!(kinds as readonly MessageKind[]).includes(envelope.kind)) {
    throw new HeadwaterError('HW_MESSAGE_KIND', {
      message: `a ${envelope.kind} message stands where ${kinds.join(' or ')} belongs`,
      hint: 'It is ignored. Check who else may publish on this topic.',
    });
  }
  const verified = verifySignatures(envelope, keyring, crypto);
  const payload = parsePayload(envelope.kind as K, envelope.payload) as PayloadByKind[K];
  checkTarget(payload, target);
  const valid = verified.filter(({ signer }) => isValidAt(signer, payload.issuedAt));
  if (valid.length === 0) {
    throw new HeadwaterError('HW_SIGNER_EXPIRED', {
      message: `the key that signed it was not valid at ${payload.issuedAt}`,
      hint: 'Check the clock of the daemon, or rotate its signing key.',
      details: { keyIds: verified.map((entry) => entry.keyId) },
    });
  }
  return {
    envelope,
    payload,
    signers: valid.filter(({ signer }) => signer.revoked === undefined).map((entry) => entry.keyId),
    revokedSigners: valid.filter(({ signer }) => signer.revoked !== undefined).map((entry) => entry.keyId),
  };
}

function verifySignatures(envelope: Envelope, keyring: Keyring, crypto: CryptoBackend): KeyringEntry[] {
  const known = envelope.signatures.flatMap((one) => {
    const entry = keyring.entries.get(one.keyId);
    return entry ? [{ entry, signature: one.signature }] : [];
  });
  if (known.length === 0) {
    throw new HeadwaterError('HW_SIGNER_UNKNOWN', {
      message: `none of its ${envelope.signatures.length} signing keys is known (key list version ${keyring.version})`,
      hint: 'A newer key list may still come; until then it is set aside.',
      details: { keyIds: envelope.signatures.map((one) => one.keyId) },
    });
  }
  const pae = encodePae(envelope.kind, envelope.payload);
  const verified = known.filter(({ entry, signature }) => crypto.verify(signature, pae, entry.publicKey));
  if (verified.length === 0) {
    throw new HeadwaterError('HW_SIGNATURE_INVALID', {
      message: 'its signature does not fit its bytes',
      hint: 'It was forged or damaged on the way; it is ignored.',
      details: { keyIds: known.map(({ entry }) => entry.keyId) },
    });
  }
  return [...new Set(verified.map(({ entry }) => entry))]; // the same key twice is one signer
}

function checkTarget(payload: Payload, target: MessageTarget): void {
  const actual = payload as { deployment: string; env?: string; service?: string };
  for (const field of ['deployment', 'env', 'service'] as const) {
    if (target[field] === undefined || actual[field] === target[field]) continue;
    throw new HeadwaterError('HW_MESSAGE_WRONG_TARGET', {
      message: `it is for ${field} "${actual[field]}", expected "${target[field]}"`,
      hint: 'A message was replayed on another topic, or the connection file is of another deployment.',
      details: { field, expected: target[field], actual: actual[field] },
    });
  }
}
