import * as ed from '@noble/ed25519';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nobleCrypto } from './noble.ts';
import { VerifyingPoint } from './noble-key.ts';
import { nodeCrypto } from './node.ts';

test('multiples are the same before and after the table is made, at both ends of the range too', () => {
  const point = ed.Point.BASE.multiply(123_456_789n, false);
  const verifying = new VerifyingPoint(point);
  const { n: order } = ed.Point.CURVE();
  const factors = [0n, 1n, 15n, 16n, 17n, 1n << 251n, order - 1n];
  for (let round = 0; round < 4; round++) {
    for (const factor of factors) {
      const expected = factor === 0n ? ed.Point.ZERO : point.multiply(factor, false);
      expect(verifying.times(factor).equals(expected)).toBe(true);
    }
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: order - 1n }), (factor) => {
      expect(verifying.times(factor).equals(point.multiply(factor, false))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('the hundredth signature of a key is judged as the first one, and as OpenSSL does', () => {
  const seed = new Uint8Array(32).fill(7);
  const publicKey = nodeCrypto.publicKeyOf(seed);
  for (let i = 0; i < 40; i++) {
    const bytes = new TextEncoder().encode(`message ${i}`);
    const signature = nodeCrypto.sign(bytes, seed);
    expect(nobleCrypto.verify(signature, bytes, publicKey)).toBe(true);
    const forged = Uint8Array.from(signature);
    forged[i] = (forged[i] as number) ^ 1;
    expect(nobleCrypto.verify(forged, bytes, publicKey)).toBe(nodeCrypto.verify(forged, bytes, publicKey));
    expect(nobleCrypto.verify(signature, bytes.subarray(1), publicKey)).toBe(false);
  }
});
