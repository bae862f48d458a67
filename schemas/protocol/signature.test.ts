import * as ed from '@noble/ed25519';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  littleEndian,
  numberOf as number,
  order,
  rfc8032,
  torsionSignature,
  weakKeys,
} from '../vectors/make/signatures.mjs';
import { testKey } from '../vectors/make/world.mjs';
import { concatBytes, fromHex, toHex, utf8 } from './bytes.ts';
import { isWeakPublicKey, parsePublicKey } from './crypto.ts';
import { nobleCrypto } from './noble.ts';
import { nodeCrypto } from './node.ts';
import { keyIdOf, signingKeyOf } from './signature.ts';

const key = testKey('signature test');
const message = utf8('config');

const weak = weakKeys.map(([hex]) => hex as string);

describe.each([nodeCrypto, nobleCrypto])('$name', (crypto) => {
  const good = crypto.sign(message, key.seed);

  test.each(rfc8032)('reproduces RFC 8032 for %s', (seed, publicKey, text, signature) => {
    expect(toHex(crypto.publicKeyOf(fromHex(seed)))).toBe(publicKey);
    expect(toHex(crypto.sign(fromHex(text), fromHex(seed)))).toBe(signature);
    expect(crypto.verify(fromHex(signature), fromHex(text), fromHex(publicKey))).toBe(true);
  });

  test('refuses a signature of other bytes, of another key, and with any bit flipped', () => {
    expect(crypto.verify(good, message, key.publicKey)).toBe(true);
    expect(crypto.verify(good, utf8('confiG'), key.publicKey)).toBe(false);
    expect(crypto.verify(good, message, testKey('other').publicKey)).toBe(false);
    for (let i = 0; i < 64; i++) {
      const bad = Uint8Array.from(good);
      bad[i] = (bad[i] as number) ^ (1 << (i % 8));
      expect(crypto.verify(bad, message, key.publicKey), `byte ${i}`).toBe(false);
    }
  });

  test('refuses malformed input without an exception', () => {
    for (const length of [0, 1, 32, 63, 65]) {
      expect(crypto.verify(new Uint8Array(length), message, key.publicKey)).toBe(false);
    }
    for (const length of [0, 31, 33])
      expect(crypto.verify(good, message, new Uint8Array(length))).toBe(false);
    const offCurve = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 2 : 0)); // y = 2 has no x
    expect(crypto.verify(good, message, offCurve)).toBe(false);
    expect(crypto.verify(new Uint8Array(64).fill(0xff), message, key.publicKey)).toBe(false);
  });

  test('refuses S beyond the group order, so a signature has one form', () => {
    const s = number(good.subarray(32));
    for (const other of [s + order, s + 2n * order]) {
      expect(
        crypto.verify(concatBytes(good.subarray(0, 32), littleEndian(other)), message, key.publicKey),
      ).toBe(false);
    }
  });

  test('refuses keys of small order, which sign anything', () => {
    const identity = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
    const signsAll = concatBytes(identity, new Uint8Array(32));
    expect(crypto.verify(signsAll, message, identity)).toBe(false);
    expect(crypto.verify(signsAll, utf8('anything'), identity)).toBe(false);
  });

  test('refuses points whose y is not reduced', () => {
    // y = p + 1 encodes the identity a second time.
    const again = fromHex('eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
    const zero = new Uint8Array(32);
    expect(crypto.verify(concatBytes(again, zero), message, again)).toBe(false);
    expect(crypto.verify(concatBytes(again, good.subarray(32)), message, key.publicKey)).toBe(false);
  });

  test('refuses a signature that only the cofactor makes fit', () => {
    expect(crypto.verify(torsionSignature(key, message), message, key.publicKey)).toBe(false);
  });
});

test('that last one is what the usual check of noble accepts', () => {
  expect(ed.verify(torsionSignature(key, message), message, key.publicKey, { zip215: false })).toBe(true);
});

test('both backends sign, digest and authenticate alike', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 300 }),
      (seed, bytes) => {
        const [one, two] = [nodeCrypto, nobleCrypto].map((crypto) =>
          [
            crypto.publicKeyOf(seed),
            crypto.sign(bytes, seed),
            crypto.sha256(bytes),
            crypto.hmacSha256(seed, bytes),
          ].map(toHex),
        );
        expect(one).toEqual(two);
      },
    ),
    { numRuns: 30 },
  );
});

test('both backends give the same verdict on hostile signatures', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const point = fc.oneof(
    bytes32,
    bytes32.map((seed) => nodeCrypto.publicKeyOf(seed)),
    fc.constantFrom(...weak.map(fromHex)),
  );
  fc.assert(
    fc.property(point, fc.oneof(bytes32, fc.constant(new Uint8Array(32))), point, (r, s, publicKey) => {
      const signature = concatBytes(r, s);
      expect(nobleCrypto.verify(signature, message, publicKey)).toBe(
        nodeCrypto.verify(signature, message, publicKey),
      );
    }),
    { numRuns: 200 },
  );
});

describe('public keys', () => {
  test('the id of a key is the first 8 bytes of its SHA-256', () => {
    const rfcKey = fromHex(rfc8032[0]?.[1] as string);
    expect(keyIdOf(rfcKey, nodeCrypto)).toBe(toHex(nodeCrypto.sha256(rfcKey)).slice(0, 16));
    expect(signingKeyOf(fromHex(rfc8032[0]?.[0] as string), nobleCrypto).publicKey).toEqual(rfcKey);
  });

  test('an ordinary one is read', () => {
    expect(parsePublicKey(key.hex)).toEqual(Uint8Array.from(key.publicKey));
  });

  test.each(weak)('%s is refused', (hex) => {
    expect(isWeakPublicKey(fromHex(hex))).toBe(true);
    expect(() => parsePublicKey(hex)).toThrow(expect.objectContaining({ code: 'HW_KEY_INVALID' }));
  });

  test.each(['', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}\n`, null, 5])('%j is no key', (hex) => {
    expect(() => parsePublicKey(hex)).toThrow(expect.objectContaining({ code: 'HW_KEY_INVALID' }));
  });

  test('the list of small-order points is complete: every multiple of a point of order 8 is on it', () => {
    const eighth = ed.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
    let point = ed.Point.ZERO;
    for (let i = 0; i < 8; i++) {
      expect(isWeakPublicKey(point.toBytes())).toBe(true);
      point = point.add(eighth);
    }
    expect(point.is0()).toBe(true);
  });
});
