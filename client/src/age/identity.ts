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

/** What stands before the 32 bytes of a raw key in DER. */
const rawPrivateKeyPrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
export const rawPublicKeyPrefix = Buffer.from('302a300506032b656e032100', 'hex');

/** An identity from `AGE-SECRET-KEY-1…`, or `null` for any other text. */
export function parseIdentity(text: string): Identity | null {
  // Lower case would decode too, but nobody writes it: more likely it is something else.
  const scalar = text.startsWith('AGE-SECRET-KEY-1') ? decodeBech32('age-secret-key-', text) : null;
  if (scalar?.length !== 32) return null;
  const der = Buffer.concat([rawPrivateKeyPrefix, scalar]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  scalar.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(rawPublicKeyPrefix.length));
  return { privateKey, publicKey, recipient: encodeBech32('age', publicKey) };
}
