/**
 * The envelope: the same bytes on the broker, in an LKG file and in an export. Spec: docs/protocol.md §1.
 *
 *     HW1 SP <kind> SP <keyid> SP <sig> [SP <keyid> SP <sig>]… LF <payload>
 *
 * One header line in front of the raw payload: no base64, no canonical JSON, and `head -1` shows who signed.
 */
import { concatBytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';
import { HeadwaterError } from './errors.ts';
import { keyIdOf, type SigningKey } from './signature.ts';

export const MESSAGE_KINDS = ['snapshot', 'diff', 'tombstone', 'schema', 'epoch', 'keys'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** Largest message, header included, in bytes. */
export const maxEnvelopeBytes = 1024 * 1024;
/** Largest header line, in bytes. */
export const maxHeaderBytes = 1024;
export const maxSignatures = 4;

export interface Signature {
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface Envelope {
  readonly kind: MessageKind;
  readonly signatures: readonly Signature[];
  /** The signed bytes: verify them first, then parse these same bytes. */
  readonly payload: Uint8Array;
  /** The whole envelope as it came. */
  readonly bytes: Uint8Array;
}

/** DSSE pre-authentication encoding: binds the payload's type into what is signed. `approval` is no message: it stands in commits. */
export function encodePae(kind: MessageKind | 'approval', payload: Uint8Array): Uint8Array {
  const type = `application/vnd.headwater.${kind}.v1+json`;
  return concatBytes(utf8(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload);
}

/**
 * Signs a payload with one to four keys. The signature covers the payload's bytes, never re-serialised JSON.
 * @throws HeadwaterError `HW_MESSAGE_TOO_LARGE`, `HW_MESSAGE_MALFORMED` (no key, or more than four).
 */
export function signEnvelope(
  kind: MessageKind,
  payload: Uint8Array,
  keys: readonly SigningKey[],
  crypto: CryptoBackend,
): Uint8Array {
  if (keys.length < 1 || keys.length > maxSignatures)
    malformed(`it would carry ${keys.length} signatures, expected 1 to ${maxSignatures}`);
  const pae = encodePae(kind, payload);
  const fields = keys.map((key) => `${keyIdFor(key, crypto)} ${toBase64Url(crypto.sign(pae, key.seed))}`);
  const bytes = concatBytes(utf8(`HW1 ${kind} ${fields.join(' ')}\n`), payload);
  if (bytes.length > maxEnvelopeBytes) tooLarge(bytes.length);
  return bytes;
}

const keyIds = new WeakMap<SigningKey, string>();

/** A daemon signs with the same key for months. */
function keyIdFor(key: SigningKey, crypto: CryptoBackend): string {
  let keyId = keyIds.get(key);
  if (keyId === undefined) {
    keyId = keyIdOf(key.publicKey, crypto);
    keyIds.set(key, keyId);
  }
  return keyId;
}

/**
 * Splits an envelope without judging its signatures.
 * @throws HeadwaterError `HW_MESSAGE_EMPTY`, `HW_MESSAGE_TOO_LARGE`, `HW_MESSAGE_MALFORMED`, `HW_SIGNATURE_MISSING`.
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length === 0) {
    throw new HeadwaterError('HW_MESSAGE_EMPTY', {
      message: 'the message is empty',
      hint: 'Somebody cleared a retained message; an empty message never means "no config".',
    });
  }
  if (bytes.length > maxEnvelopeBytes) tooLarge(bytes.length);
  const end = bytes.subarray(0, maxHeaderBytes).indexOf(0x0a);
  if (end < 0) malformed(`no line end within the first ${maxHeaderBytes} bytes`);
  const [magic, kind, ...fields] = headerFields(bytes.subarray(0, end));
  if (magic !== 'HW1') malformed('it does not begin with "HW1"');
  if (!isMessageKind(kind)) malformed('the kind in its header is unknown');
  return { kind, signatures: parseSignatures(fields), payload: bytes.subarray(end + 1), bytes };
}

export function isMessageKind(text: string | undefined): text is MessageKind {
  return (MESSAGE_KINDS as readonly (string | undefined)[]).includes(text);
}

function headerFields(header: Uint8Array): string[] {
  if (header.some((byte) => byte < 0x20 || byte > 0x7e)) malformed('its header is not printable ASCII');
  return fromUtf8(header).split(' ');
}

function parseSignatures(fields: readonly string[]): Signature[] {
  if (fields.length === 0) {
    throw new HeadwaterError('HW_SIGNATURE_MISSING', {
      message: 'the message carries no signature',
      hint: 'Only signed config is used.',
    });
  }
  if (fields.length % 2 !== 0 || fields.length > 2 * maxSignatures) {
    malformed(`its header must hold 1 to ${maxSignatures} pairs of key id and signature`);
  }
  const signatures: Signature[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const keyId = fields[i] as string;
    const signature = fromBase64Url(fields[i + 1] as string);
    if (!/^[0-9a-f]{16}$/.test(keyId)) malformed('a key id is not 16 hex digits');
    if (signature?.length !== 64) malformed('a signature is not 64 bytes of base64url');
    signatures.push({ keyId, signature });
  }
  return signatures;
}

function malformed(reason: string): never {
  throw new HeadwaterError('HW_MESSAGE_MALFORMED', {
    message: `not a Headwater message: ${reason}`,
    hint: 'The receiver keeps what it has. Check who else publishes to this topic.',
  });
}

function tooLarge(size: number): never {
  throw new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
    message: `the message has ${size} bytes, expected ${maxEnvelopeBytes} at most`,
    hint: 'Split the service, or move large data out of its config.',
  });
}
