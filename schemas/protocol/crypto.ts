/**
 * The cryptography the protocol needs, as a value: `nobleCrypto` runs anywhere, `nodeCrypto` (`@headwater/schemas/protocol/node`)
 * is 7 to 11 times faster on Node. Ed25519 is deterministic, so both give the same bytes; one vector set judges both.
 */
import { fromHex, toHex } from './bytes.ts';
import { HeadwaterError } from './errors.ts';

export interface CryptoBackend {
  readonly name: 'noble' | 'node';
  sha256(bytes: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** Ed25519 signature, 64 bytes. `seed` is the 32-byte private key of RFC 8032. */
  sign(bytes: Uint8Array, seed: Uint8Array): Uint8Array;
  /**
   * Strict verification: RFC 8032 without the cofactor, S below the group order, canonical points, no key of small order. False
   * for any malformed input, never an exception. Both backends agree on every input.
   */
  verify(signature: Uint8Array, bytes: Uint8Array, publicKey: Uint8Array): boolean;
  /** Public key of a seed, 32 bytes. */
  publicKeyOf(seed: Uint8Array): Uint8Array;
}

/** Points of order 1, 2, 4 and 8: a signature under one of them proves nothing, and OpenSSL accepts it. */
const smallOrder: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]);

/**
 * Parses a public key: 64 lower-case hex digits of a canonical Ed25519 point that is not of small order.
 * @throws HeadwaterError `HW_KEY_INVALID`.
 */
export function parsePublicKey(hex: unknown): Uint8Array {
  if (typeof hex !== 'string' || !/^[0-9a-f]{64}$/.test(hex)) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: 'a public key is 64 lower-case hex digits',
      hint: 'Copy the key from `headwater keys show`.',
    });
  }
  const bytes = fromHex(hex);
  if (isWeakPublicKey(bytes)) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `public key ${hex.slice(0, 16)}… is of small order or not canonical, so anyone can sign for it`,
      hint: 'Use a key made by Headwater or another Ed25519 implementation.',
    });
  }
  return bytes;
}

/** True for keys under which a signature proves nothing: points of small order, and encodings of y that are not canonical. */
export function isWeakPublicKey(bytes: Uint8Array): boolean {
  return smallOrder.has(toHex(bytes)) || !isCanonicalPoint(bytes);
}

/** The y coordinate must be below p = 2^255 - 19. */
function isCanonicalPoint(bytes: Uint8Array): boolean {
  if (((bytes[31] as number) & 0x7f) !== 0x7f || (bytes[0] as number) < 0xed) return true;
  return bytes.subarray(1, 31).some((byte) => byte !== 0xff);
}
