/** Public keys of age: `age1…`, X25519. */
import { diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { bech32 } from '@scure/base';
import { type Recipient, Stanza } from 'age-encryption';
import { base64NoPad, publicKeyFrom, rawPublicKey, sealFileKey, wrapKey } from './x25519.ts';

/** True for a public key that can be encrypted for; its checksum is looked at. */
export function isRecipient(text: string): boolean {
  return bytesOf(text) !== null;
}

/**
 * A recipient for `age-encryption`, which leaves how a file key is wrapped to such objects. OpenSSL does the curve here: a fifth of the
 * time of the library's own, which goes through WebCrypto four times for every file.
 * @throws HeadwaterError `HW_KEY_INVALID`.
 */
export function parseRecipient(text: string): Recipient {
  const raw = bytesOf(text);
  if (raw === null) throw invalid(text);
  const publicKey = publicKeyFrom(raw);
  return {
    wrapFileKey(fileKey) {
      const ephemeral = generateKeyPairSync('x25519');
      const share = rawPublicKey(ephemeral.publicKey);
      const secret = agree(ephemeral.privateKey, publicKey, text);
      const key = wrapKey(secret, share, raw);
      secret.fill(0);
      return [new Stanza(['X25519', base64NoPad(share)], sealFileKey(fileKey, key))];
    },
  };
}

function agree(privateKey: KeyObject, publicKey: KeyObject, text: string): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    // OpenSSL refuses points of small order, with which anybody could read along.
    throw invalid(text);
  }
}

function bytesOf(text: string): Uint8Array | null {
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(text)) return null;
  try {
    const { bytes } = bech32.decodeToBytes(text);
    return bytes.length === 32 ? bytes : null;
  } catch {
    return null; // a wrong checksum
  }
}

function invalid(text: string): HeadwaterError {
  return new HeadwaterError('HW_KEY_INVALID', {
    message: `${JSON.stringify(text.slice(0, 80))} is not an age public key`,
    hint: 'Copy it again: age1 and 58 characters. Keys of other kinds (ssh, plugins, post-quantum) are not supported.',
  });
}
