/** Private and public side of an X25519 age key. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { decodeBech32, encodeBech32 } from './bech32.ts';

export interface Identity {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** `age1…` */
  readonly recipient: string;
}

/** What stands before the 32 bytes of a private key in DER. */
const privateKeyPrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** An identity from `AGE-SECRET-KEY-1…`, or `null` for any other text. */
export function parseIdentity(text: string): Identity | null {
  // Lower case would decode too, but nobody writes it: more likely it is something else.
  const scalar = text.startsWith('AGE-SECRET-KEY-1') ? decodeBech32('age-secret-key-', text) : null;
  if (scalar?.length !== 32) return null;
  const der = Buffer.concat([privateKeyPrefix, scalar]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  scalar.fill(0);
  // As JWK: OpenSSL takes twice the time to find its way through DER.
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x, 'base64url'));
  return { privateKey, publicKey, recipient: encodeBech32('age', publicKey) };
}

/** @param raw 32 bytes. */
export function importPublicKey(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}
