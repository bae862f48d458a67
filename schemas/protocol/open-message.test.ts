import { describe, expect, test } from 'vitest';
import {
  keyring,
  keysEnvelope,
  oldSigner,
  root,
  sign,
  signer,
  signers,
  snapshot,
  statement,
  stranger,
  target,
  testKey,
  tombstone,
} from '../vectors/make/world.mjs';
import { openKeys } from './keyring.ts';
import { nodeCrypto } from './node.ts';
import { openMessage } from './open-message.ts';

// Every refusal, with both backends, stands in schemas/vectors/messages.json.

const open = (bytes: Uint8Array, more: Partial<Parameters<typeof openMessage>[2]> = {}) =>
  openMessage(bytes, ['snapshot', 'tombstone'], { ...target, ...more }, keyring, nodeCrypto);

test('a verified message says what it holds and who stands for it', () => {
  const message = open(sign('snapshot', snapshot()));
  expect(message.payload).toEqual(snapshot());
  expect(message).toMatchObject({ signers: [signer.keyId], revokedSigners: [] });
});

test('one signed by a revoked key only is returned with nobody standing for it', () => {
  expect(open(sign('snapshot', snapshot(), oldSigner))).toMatchObject({
    signers: [],
    revokedSigners: [oldSigner.keyId],
  });
});

test('unknown keys beside a known one do not matter', () => {
  expect(open(sign('snapshot', snapshot(), stranger, signer)).signers).toEqual([signer.keyId]);
});

test('a key that did not sign well does not stand for the message, even beside one that did', () => {
  const other = testKey('second signer');
  const ring = openKeys(
    keysEnvelope({ signers: [...signers, { key: other.hex, notBefore: '2026-01-01T00:00:00Z' }] }),
    { roots: [root.hex], deployment: 'tars', version: 0 },
    nodeCrypto,
  );
  const text = new TextDecoder()
    .decode(sign('snapshot', snapshot(), signer, stranger))
    .replace(stranger.keyId, other.keyId);
  const message = openMessage(new TextEncoder().encode(text), ['snapshot'], target, ring, nodeCrypto);
  expect(message.signers).toEqual([signer.keyId]);
});

test('a key outside its period does not stand for the message beside one inside', () => {
  const late = testKey('late signer');
  const ring = openKeys(
    keysEnvelope({ signers: [...signers, { key: late.hex, notBefore: '2026-12-01T00:00:00Z' }] }),
    { roots: [root.hex], deployment: 'tars', version: 0 },
    nodeCrypto,
  );
  const message = openMessage(
    sign('snapshot', snapshot(), late, signer),
    ['snapshot'],
    target,
    ring,
    nodeCrypto,
  );
  expect(message.signers).toEqual([signer.keyId]);
});

describe('the order of checks', () => {
  const code = (bytes: Uint8Array, more = {}): unknown => {
    try {
      open(bytes, more);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'opened';
  };

  test('the payload of a message that nobody trusted signed is never read', () => {
    expect(code(sign('snapshot', new TextEncoder().encode('not JSON'), stranger))).toBe('HW_SIGNER_UNKNOWN');
    expect(code(sign('snapshot', new TextEncoder().encode('not JSON')))).toBe('HW_JSON_SYNTAX');
  });

  test('the kind is judged before any signature', () => {
    expect(code(sign('epoch', statement(), stranger))).toBe('HW_MESSAGE_KIND');
  });

  test('a message for somebody else is that, whenever it was signed', () => {
    expect(code(sign('tombstone', tombstone({ issuedAt: '2020-01-01T00:00:00Z' })), { env: 'dev' })).toBe(
      'HW_MESSAGE_WRONG_TARGET',
    );
  });
});

test('a statement has no service, so it does not pass where one is asked for', () => {
  expect(() => openMessage(sign('epoch', statement()), ['epoch'], target, keyring, nodeCrypto)).toThrow(
    expect.objectContaining({ code: 'HW_MESSAGE_WRONG_TARGET' }),
  );
});
