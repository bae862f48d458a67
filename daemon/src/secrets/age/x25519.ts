/** How age wraps a file key for an X25519 key (age v1, "X25519 recipient stanza"), on node:crypto. */
import { createCipheriv, createDecipheriv, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';

/** DER up to the 32 bytes of a key (RFC 8410). */
const x25519Spki = Buffer.from('302a300506032b656e032100', 'hex');
export const x25519Pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

const info = 'age-encryption.org/v1/X25519';
const algorithm = 'chacha20-poly1305';
const tagBytes = 16;
/** A wrapping key is used once, so its nonce may be constant. */
const nonce = Buffer.alloc(12);

export function publicKeyFrom(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([x25519Spki, raw]), format: 'der', type: 'spki' });
}

export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(x25519Spki.length);
}

/** @param secret The shared secret. @param share Ephemeral public key. @param recipient Public key of the recipient. */
export function wrapKey(secret: Uint8Array, share: Uint8Array, recipient: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([share, recipient]), info, 32));
}

/** Encrypts a file key; the wrapping key is zeroed. */
export function sealFileKey(fileKey: Uint8Array, key: Buffer): Uint8Array {
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  key.fill(0);
  return body;
}

/** Decrypts a file key, or `null` when it was wrapped for somebody else; the wrapping key is zeroed. */
export function openFileKey(body: Uint8Array, key: Buffer): Uint8Array | null {
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  key.fill(0);
  decipher.setAuthTag(body.subarray(-tagBytes));
  const fileKey = decipher.update(body.subarray(0, -tagBytes));
  try {
    decipher.final();
    return fileKey;
  } catch {
    return null;
  }
}

export function base64NoPad(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** 32 bytes of canonical base64 without padding, or `null`. */
export function bytesOfShare(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 32 && base64NoPad(bytes) === text ? bytes : null;
}
