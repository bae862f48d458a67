import { describe, expect, test } from 'vitest';
import {
  asText,
  keysEnvelope,
  keysPayload,
  root,
  sign,
  signers,
  stranger,
  testKey,
} from '../vectors/make/world.mjs';
import { maxEnvelopeBytes } from './envelope.ts';
import { keysText, openKeys, type RootTrust } from './keyring.ts';
import { nodeCrypto } from './node.ts';

// What is trusted after each of many chains stands in schemas/vectors/keys.json.

const trust: RootTrust = { roots: [root.hex], deployment: 'tars', version: 0 };
const open = (bytes: Uint8Array, more: Partial<RootTrust> = {}) =>
  openKeys(bytes, { ...trust, ...more }, nodeCrypto);

test('a keyring knows its signers by key id, its roots, and the bytes it came from', () => {
  const bytes = keysEnvelope({ version: 3 });
  const keyring = open(bytes);
  expect(keyring).toMatchObject({ version: 3, deployment: 'tars', roots: [root.hex] });
  expect(keyring.envelope).toBe(bytes);
  expect([...keyring.entries.values()].map((entry) => entry.signer)).toEqual(signers);
  expect(keyring.entries.get(root.keyId)).toBeUndefined();
});

test('its text is its bytes, so a connection file can carry it', () => {
  const bytes = keysEnvelope();
  expect(open(new TextEncoder().encode(keysText(bytes)))).toEqual(open(bytes));
});

test('the version held now is fine, one below is a rollback', () => {
  const bytes = keysEnvelope({ version: 3 });
  expect(open(bytes, { version: 3 }).version).toBe(3);
  expect(() => open(bytes, { version: 4 })).toThrow(
    expect.objectContaining({ code: 'HW_ROLLBACK', details: { expected: 4, actual: 3 } }),
  );
});

describe('trust', () => {
  test('in nobody opens nothing', () => {
    expect(() => open(keysEnvelope(), { roots: [] })).toThrow(
      expect.objectContaining({ code: 'HW_SIGNER_UNKNOWN' }),
    );
  });

  test('in a weak root is an error of the one who trusts it', () => {
    const weak = '01'.padEnd(64, '0');
    expect(() => open(keysEnvelope(), { roots: [weak] })).toThrow(
      expect.objectContaining({ code: 'HW_KEY_INVALID' }),
    );
  });

  test('does not come from the key id in the header: the signature decides', () => {
    const forged = new TextDecoder()
      .decode(sign('keys', keysPayload(), stranger))
      .replace(stranger.keyId, root.keyId);
    expect(() => open(new TextEncoder().encode(forged))).toThrow(
      expect.objectContaining({ code: 'HW_SIGNER_UNKNOWN' }),
    );
  });

  test('a known root with a bad signature beside a good one does not spoil the message', () => {
    const [magic, kind, keyId, signature] = (asText(keysEnvelope()).split('\n')[0] as string).split(' ');
    const bad = `${(signature as string).slice(0, -2)}AA`;
    const both = asText(keysEnvelope()).replace(`${magic} ${kind}`, `${magic} ${kind} ${keyId} ${bad}`);
    expect(open(new TextEncoder().encode(both)).version).toBe(1);
  });
});

test('64 root changes fit into one message, because each remembered list has no previous of its own', () => {
  const roots = Array.from({ length: 65 }, (_, i) => testKey(`long chain ${i}`));
  const previous = roots
    .slice(1)
    .map((key, i) => asText(keysEnvelope({ version: i + 2, roots: [key.hex] }, roots[i])));
  const first = roots[0] as (typeof roots)[number];
  const last = roots[64] as (typeof roots)[number];
  const bytes = keysEnvelope({ version: 100, roots: [last.hex], previous }, last);
  expect(bytes.length).toBeLessThan(maxEnvelopeBytes / 8);
  expect(open(bytes, { roots: [first.hex], version: 1 }).roots).toEqual([last.hex]);
});
