import { toHex } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';

/** A key pair that signs: `seed` is the 32-byte private key of RFC 8032. Never logged, never serialised. */
export interface SigningKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** First 16 hex digits of the SHA-256 of the raw public key. */
export function keyIdOf(publicKey: Uint8Array, crypto: CryptoBackend): string {
  return toHex(crypto.sha256(publicKey).subarray(0, 8));
}

/** Key pair of a seed. */
export function signingKeyOf(seed: Uint8Array, crypto: CryptoBackend): SigningKey {
  return { seed, publicKey: crypto.publicKeyOf(seed) };
}
