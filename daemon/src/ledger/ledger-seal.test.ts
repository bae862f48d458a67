import { type Keyring, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import { key, keyring, signing } from '../testing/pipeline-bench.ts';
import { createLedgerSeal } from './ledger-seal.ts';

const bytes = utf8('{"era": 1}\n');
const sealBy = (signers: readonly ReturnType<typeof key>[], ring: Keyring = keyring) =>
  createLedgerSeal({ signers: () => signers, keyring: () => ring, crypto: nodeCrypto });

test('a seal counts for exactly these bytes, by any key of the deployment', () => {
  const seal = sealBy([signing]).seal(bytes);
  expect(sealBy([signing]).check(bytes, seal)).toBe(true);
  const foreign = expect.objectContaining({ code: 'HW_LEDGER_FOREIGN' });
  expect(() => sealBy([signing]).check(utf8('{"era": 2}\n'), seal)).toThrow(foreign);
  expect(() => sealBy([signing]).check(bytes, sealBy([key(9)]).seal(bytes))).toThrow(foreign);
  for (const text of [
    '',
    'x',
    seal.slice(0, 40),
    seal.split(' ')[0] as string,
    `${seal.split(' ')[0]} ${'A'.repeat(86)}`,
  ])
    expect(() => sealBy([signing]).check(bytes, text), text).toThrow(foreign);
});

test('while keys are rotated both seal; one suffices, and a missing one says that it should be sealed anew', () => {
  const next = key(4);
  const both = sealBy([signing, next]);
  expect(both.seal(bytes).split(' ')).toHaveLength(4);
  expect(both.check(bytes, sealBy([signing]).seal(bytes))).toBe(false);
  expect(sealBy([signing]).check(bytes, both.seal(bytes))).toBe(true);
});

test('a revoked key seals nothing', () => {
  const [[id, entry] = []] = keyring.entries;
  if (id === undefined || entry === undefined) throw new Error('the test keyring is empty');
  expect(entry.signer.key).toBe(toHex(signing.publicKey));
  const signer = { ...entry.signer, revoked: '2026-02-01T00:00:00Z' };
  const revoked: Keyring = { ...keyring, entries: new Map([[id, { ...entry, signer }]]) };
  const seal = sealBy([signing]).seal(bytes);
  expect(() => sealBy([signing], revoked).check(bytes, seal)).toThrow(
    expect.objectContaining({ code: 'HW_LEDGER_FOREIGN' }),
  );
});
