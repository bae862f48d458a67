import * as ed from '@noble/ed25519';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, toHex } from './bytes.ts';
import { type CryptoBackend, isWeakPublicKey } from './crypto.ts';

ed.hashes.sha512 = sha512;

/** Pure JavaScript backend for browsers and workers, and the cross-check of `nodeCrypto`. Slow first use: about 50 ms. */
export const nobleCrypto: CryptoBackend = {
  name: 'noble',
  sha256: (bytes) => sha256(bytes),
  hmacSha256: (key, bytes) => hmac(sha256, key, bytes),
  sign: (bytes, seed) => ed.sign(bytes, seed),
  verify,
  publicKeyOf: (seed) => ed.getPublicKey(seed),
};

/**
 * noble's own `verify` multiplies by the cofactor, so a signer could make a message that it accepts and OpenSSL refuses, and two
 * clients would part ways. This is the plain equation of RFC 8032 §5.1.7: R must be the encoding of [S]B - [k]A.
 */
function verify(signature: Uint8Array, bytes: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32 || isWeakPublicKey(publicKey)) return false;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const { n: order } = ed.Point.CURVE();
  if (s >= order) return false;
  const point = pointOf(publicKey);
  if (!point) return false;
  const k = littleEndian(sha512(concatBytes(r, publicKey, bytes))) % order;
  const expected = ed.Point.BASE.multiply(s, false).subtract(point.multiply(k, false));
  return equalBytes(expected.toBytes(), r);
}

function pointOf(publicKey: Uint8Array): ed.Point | null {
  try {
    return ed.Point.fromBytes(publicKey, false);
  } catch {
    return null; // not on the curve: to a verifier that is simply "no"
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
