import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { toHex } from './bytes.ts';
import { type CryptoBackend, isWeakPublicKey } from './crypto.ts';

/** Fixed DER prefixes in front of a raw Ed25519 key (RFC 8410): PKCS #8 for a seed, SubjectPublicKeyInfo for a public key. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Making a KeyObject costs as much as a signature; a daemon has a handful of keys. Public ones only: seeds are not map keys. */
const maxCachedKeys = 64;
const publicKeys = new Map<string, KeyObject>();
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

/** The backend for Node: OpenSSL through node:crypto. */
export const nodeCrypto: CryptoBackend = {
  name: 'node',
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  hmacSha256: (key, bytes) => createHmac('sha256', key).update(bytes).digest(),
  sign: (bytes, seed) => sign(null, bytes, privateKeyObject(seed)),
  verify(signature, bytes, publicKey) {
    if (signature.length !== 64 || publicKey.length !== 32 || isWeakPublicKey(publicKey)) return false;
    return verify(null, bytes, publicKeyObject(publicKey), signature);
  },
  publicKeyOf(seed) {
    const der = createPublicKey(privateKeyObject(seed)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(der.subarray(spkiPrefix.length));
  },
};

function privateKeyObject(seed: Uint8Array): KeyObject {
  let key = privateKeys.get(seed);
  if (!key) {
    key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
    privateKeys.set(seed, key);
  }
  return key;
}

function publicKeyObject(raw: Uint8Array): KeyObject {
  const id = toHex(raw);
  let key = publicKeys.get(id);
  if (!key) {
    key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
    if (publicKeys.size >= maxCachedKeys) publicKeys.clear();
    publicKeys.set(id, key);
  }
  return key;
}
