import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
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
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  hmacSha256: (key, bytes) => createHmac('sha256', key).update(bytes).digest(),
  sign: (bytes, seed) => sign(null, bytes, privateKeyObject(seed)),
  verify(signature, bytes, publicKey) {
    if (signature.length !== 64 || publicKey.length !== 32) return false;
    const key = publicKeyObject(publicKey);
    return key !== null && verify(null, bytes, key, signature);
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

/** `null` for a key under which a signature proves nothing. */
function publicKeyObject(raw: Uint8Array): KeyObject | null {
  const id = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1');
  let key = publicKeys.get(id);
  if (!key) {
    if (isWeakPublicKey(raw)) return null;
    key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' });
    if (publicKeys.size >= maxCachedKeys) publicKeys.clear();
    publicKeys.set(id, key);
  }
  return key;
}
