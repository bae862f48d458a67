/** Private keys of age: `AGE-SECRET-KEY-1…`. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { bech32 } from '@scure/base';
import type { Identity as AgeIdentity, Stanza } from 'age-encryption';
import { ageFileError } from './age-file-error.ts';
import { bytesOfShare, openFileKey, publicKeyFrom, rawPublicKey, wrapKey, x25519Pkcs8 } from './x25519.ts';

/** An identity that opens age files. The private key stays inside OpenSSL: it is in no property, and no log can show it. */
export interface Identity extends AgeIdentity {
  /** Its public key, `age1…`. */
  readonly recipient: string;
  /** `null` when no stanza is for this identity. @throws HeadwaterError `HW_AGE_FILE` for a stanza that is malformed. */
  unwrapFileKey(stanzas: readonly Stanza[]): Uint8Array | null;
}

/** @throws HeadwaterError `HW_KEY_FILE`; the message never shows the text. */
export function parseIdentity(text: string): Identity {
  const raw = bytesOf(text.trim());
  if (raw === null) {
    throw unusable(
      'it is not an age identity',
      'An identity reads AGE-SECRET-KEY-1 and 58 characters; make one with age-keygen.',
    );
  }
  const der = Buffer.concat([x25519Pkcs8, raw]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  raw.fill(0);
  const own = rawPublicKey(createPublicKey(privateKey));
  return {
    recipient: bech32.encodeFromBytes('age', own),
    unwrapFileKey: (stanzas) => unwrap(stanzas, privateKey, own),
  };
}

/**
 * Identities of a file as `age-keygen` writes it: comments, blank lines, one identity a line. Identities of other kinds (plugins,
 * post-quantum) are passed over when there is one that can be used.
 * @throws HeadwaterError `HW_KEY_FILE`, naming the line and never its text.
 */
export function parseIdentityFile(text: string): readonly Identity[] {
  if (/^(?:age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/.test(text.trimStart())) {
    throw unusable(
      'the identity file is encrypted',
      'Decrypt it first: age -d -o <identity file> <encrypted file>.',
    );
  }
  const found: Identity[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || otherKind.test(line)) continue;
    try {
      found.push(parseIdentity(line));
    } catch {
      throw unusable(`line ${index + 1} of the identity file is not an age identity`, fileHint);
    }
  }
  if (found.length === 0) throw unusable('the identity file holds no identity that can be used', fileHint);
  return found;
}

const otherKind = /^AGE-(?:PLUGIN-|SECRET-KEY-PQ-1)/;
const fileHint = 'Give the file that age-keygen or headwater enroll wrote: a line AGE-SECRET-KEY-1….';

function unwrap(stanzas: readonly Stanza[], privateKey: KeyObject, own: Uint8Array): Uint8Array | null {
  for (const { args, body } of stanzas) {
    if (args[0] !== 'X25519') continue;
    const share = args.length === 2 ? bytesOfShare(args[1] as string) : null;
    if (share === null || body.length !== 32) throw ageFileError('a key in its header is malformed');
    const fileKey = openFileKey(body, wrapKeyFor(privateKey, share, own));
    if (fileKey !== null) return fileKey;
  }
  return null;
}

function wrapKeyFor(privateKey: KeyObject, share: Buffer, own: Uint8Array): Buffer {
  let secret: Buffer;
  try {
    secret = diffieHellman({ privateKey, publicKey: publicKeyFrom(share) });
  } catch {
    // A point of small order: the "secret" would be known to everybody.
    throw ageFileError('a key in its header is malformed');
  }
  const key = wrapKey(secret, share, own);
  secret.fill(0);
  return key;
}

function bytesOf(text: string): Uint8Array | null {
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(text)) return null;
  try {
    const { bytes } = bech32.decodeToBytes(text.toLowerCase());
    return bytes.length === 32 ? bytes : null;
  } catch {
    return null; // a wrong checksum; the library's words might quote the text
  }
}

function unusable(message: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_KEY_FILE', { message, hint });
}
