import { isValidAt, type KeysPayload } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import { findSigner, nextKeyList } from './next-key-list.ts';

const key = (seed: number) =>
  Buffer.from(nodeCrypto.publicKeyOf(new Uint8Array(32).fill(seed))).toString('hex');
const [a, b, c, root] = [key(1), key(2), key(3), key(9)];
const start = Date.parse('2026-11-21T10:00:00.000Z');
const list: KeysPayload = {
  ...{
    v: 1,
    kind: 'keys',
    deployment: 'tars',
    version: 4,
    issuedAt: '2026-11-21T10:00:00.000Z',
    roots: [root],
  },
  signers: [{ key: a, notBefore: '2026-01-01T00:00:00.000Z' }],
  previous: ['HW1 keys …'],
};

test('a new key signs from now on, the one before it counts until the grace period ends', () => {
  const next = nextKeyList(list, { newKey: b, graceUntil: start + 7_200_000 }, start + 3_600_000);
  expect(next).toMatchObject({
    version: 5,
    issuedAt: '2026-11-21T11:00:00.000Z',
    roots: [root],
    previous: list.previous,
  });
  expect(next.signers).toEqual([
    { key: b, notBefore: '2026-11-21T10:55:00.000Z' },
    { key: a, notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-11-21T12:00:00.000Z' },
  ]);
  const [, old] = next.signers;
  expect(old && isValidAt(old, '2026-11-21T12:00:00.000Z')).toBe(true);
  expect(old && isValidAt(old, '2026-11-21T12:00:00.001Z')).toBe(false);
});

test('without a grace period the old key ends at once, and an end that was set earlier stays', () => {
  const first = nextKeyList(list, { newKey: b, graceUntil: start + 1_000 }, start + 10);
  const second = nextKeyList(first, { newKey: c }, start + 20);
  expect(second.signers.map(({ key: one, notAfter }) => [one, notAfter])).toEqual([
    [c, undefined],
    [b, '2026-11-21T10:00:00.020Z'],
    [a, '2026-11-21T10:00:00.020Z'],
  ]);
  const third = nextKeyList(first, { newKey: c, graceUntil: start + 9_000 }, start + 20);
  expect(third.signers.find((one) => one.key === a)?.notAfter).toBe('2026-11-21T10:00:01.000Z');
});

test('a revoked key says since when, for good, and others stay as they are', () => {
  const both = nextKeyList(list, { newKey: b, graceUntil: start + 5_000 }, start);
  const revoked = nextKeyList(both, { revoke: new Set([a]) }, start + 1_000);
  expect(revoked.signers).toEqual([
    both.signers[0],
    { ...both.signers[1], revoked: '2026-11-21T10:00:01.000Z' },
  ]);
  const again = nextKeyList(revoked, { revoke: new Set([a, b]), newKey: c }, start + 9_000);
  expect(again.signers.map(({ key: one, revoked: at }) => [one, at])).toEqual([
    [c, undefined],
    [b, '2026-11-21T10:00:09.000Z'],
    [a, '2026-11-21T10:00:01.000Z'],
  ]);
});

test('the list is newer than the one before it, also on a clock that went back', () => {
  expect(nextKeyList(list, { newKey: b }, 0).issuedAt).toBe('2026-11-21T10:00:00.001Z');
});

test('a full list takes no more keys', () => {
  const signers = Array.from({ length: 64 }, (_, i) => ({ key: key(20 + i), notBefore: list.issuedAt }));
  expect(() => nextKeyList({ ...list, signers }, { newKey: b }, start)).toThrow(/65 signing keys/);
});

test('a key is found by its id or as a whole', () => {
  const { keyId } = findSigner(list, a, nodeCrypto);
  expect(findSigner(list, keyId, nodeCrypto)).toMatchObject({ key: a });
  expect(() => findSigner(list, b, nodeCrypto)).toThrow(/ever listed/);
  expect(() => findSigner(list, 'xyz', nodeCrypto)).toThrow(/16 hex digits/);
});
