import * as ed from '@noble/ed25519';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { CryptoBackend } from './crypto.ts';

ed.hashes.sha512 = sha512;

/** Pure JavaScript backend for browsers and workers, and the cross-check of `nodeCrypto`. Slow first use: about 50 ms. */
export const nobleCrypto: CryptoBackend = {
  name: 'noble',
  sha256: (bytes) => sha256(bytes),
  hmacSha256: (key, bytes) => hmac(sha256, key, bytes),
  sign: (bytes, seed) => ed.sign(bytes, seed),
  verify(signature, bytes, publicKey) {
    try {
      // noble's default follows ZIP-215, which accepts an identity-point key with a trivial signature.
      return ed.verify(signature, bytes, publicKey, { zip215: false });
    } catch {
      // It throws on malformed points and lengths; to a verifier that is simply "no".
      return false;
    }
  },
  publicKeyOf: (seed) => ed.getPublicKey(seed),
};
