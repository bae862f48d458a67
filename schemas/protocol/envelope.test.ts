import { describe, expect, test } from 'vitest';
import { base64, json, sign, signer, snapshot, testKey } from '../vectors/make/world.mjs';
import { concatBytes, fromUtf8, toBase64Url, utf8 } from './bytes.ts';
import {
  encodePae,
  MESSAGE_KINDS,
  maxEnvelopeBytes,
  maxHeaderBytes,
  maxSignatures,
  parseEnvelope,
  signEnvelope,
} from './envelope.ts';
import { nobleCrypto } from './noble.ts';
import { nodeCrypto } from './node.ts';

const refuses = (bytes: Uint8Array, code: string): void =>
  expect(() => parseEnvelope(bytes)).toThrow(expect.objectContaining({ code }));
const withHeader = (header: string, payload = '{}'): Uint8Array => utf8(`${header}\n${payload}`);
const keyId = 'a'.repeat(16);
const signature = toBase64Url(new Uint8Array(64));

test('what is signed is bound to its kind and its length', () => {
  expect(fromUtf8(encodePae('epoch', utf8('{"ä":1}')))).toBe(
    'DSSEv1 39 application/vnd.headwater.epoch.v1+json 8 {"ä":1}',
  );
});

test('a signed message is read back byte for byte, line ends in its payload included', () => {
  const payload = utf8('{\n"v":1\n}\n');
  for (const kind of MESSAGE_KINDS) {
    const bytes = signEnvelope(kind, payload, [signer], nodeCrypto);
    const envelope = parseEnvelope(bytes);
    expect(envelope).toMatchObject({ kind, signatures: [{ keyId: signer.keyId }] });
    expect(envelope.payload).toEqual(payload);
    expect(envelope.bytes).toBe(bytes);
  }
});

test('both backends make the same bytes', () => {
  const payload = json(snapshot());
  expect(base64(signEnvelope('snapshot', payload, [signer], nobleCrypto))).toBe(
    base64(signEnvelope('snapshot', payload, [signer], nodeCrypto)),
  );
});

test('up to four keys sign one message', () => {
  const keys = [1, 2, 3, 4, 5].map((n) => testKey(`many ${n}`));
  const bytes = signEnvelope('keys', utf8('{}'), keys.slice(0, maxSignatures), nodeCrypto);
  expect(parseEnvelope(bytes).signatures.map((one) => one.keyId)).toEqual(
    keys.slice(0, 4).map((key) => key.keyId),
  );
  expect(() => signEnvelope('keys', utf8('{}'), keys, nodeCrypto)).toThrow();
  expect(() => signEnvelope('keys', utf8('{}'), [], nodeCrypto)).toThrow();
});

describe('refused', () => {
  test('an empty message', () => refuses(new Uint8Array(), 'HW_MESSAGE_EMPTY'));

  test('no signature', () => {
    refuses(withHeader('HW1 snapshot'), 'HW_SIGNATURE_MISSING');
    refuses(utf8('{"v":1,"kind":"snapshot"}'), 'HW_MESSAGE_MALFORMED');
  });

  test.each([
    ['another magic', `HW2 snapshot ${keyId} ${signature}`],
    ['a magic in lower case', `hw1 snapshot ${keyId} ${signature}`],
    ['an unknown kind', `HW1 receipt ${keyId} ${signature}`],
    ['a kind that every object has', `HW1 toString ${keyId} ${signature}`],
    ['a key id without signature', `HW1 snapshot ${keyId}`],
    ['a key id in upper case', `HW1 snapshot ${'A'.repeat(16)} ${signature}`],
    ['a short key id', `HW1 snapshot ${'a'.repeat(15)} ${signature}`],
    ['a truncated signature', `HW1 snapshot ${keyId} ${signature.slice(0, -2)}`],
    ['a long signature', `HW1 snapshot ${keyId} ${signature}AA`],
    ['a padded signature', `HW1 snapshot ${keyId} ${signature}==`],
    ['a signature in plain base64', `HW1 snapshot ${keyId} ${'+'.repeat(85)}A`],
    ['a signature with stray last bits', `HW1 snapshot ${keyId} ${signature.slice(0, -1)}B`],
    ['two spaces', `HW1  snapshot ${keyId} ${signature}`],
    ['a space at the end', `HW1 snapshot ${keyId} ${signature} `],
    ['a tab', `HW1\tsnapshot ${keyId} ${signature}`],
    ['a carriage return', `HW1 snapshot ${keyId} ${signature}\r`],
    ['a letter beyond ASCII', `HW1 snapshot ${keyId} ${signature}é`],
    ['five signatures', `HW1 snapshot${` ${keyId} ${signature}`.repeat(5)}`],
  ])('%s', (_, header) => refuses(withHeader(header), 'HW_MESSAGE_MALFORMED'));

  test('a header of more than 1 KiB, however it goes on', () => {
    refuses(withHeader(`HW1 snapshot ${'x'.repeat(maxHeaderBytes)}`), 'HW_MESSAGE_MALFORMED');
    refuses(utf8('x'.repeat(maxEnvelopeBytes)), 'HW_MESSAGE_MALFORMED');
  });

  test('more than 1 MiB, read or signed; exactly 1 MiB is fine', () => {
    const head = sign('snapshot', new Uint8Array());
    const full = concatBytes(head, new Uint8Array(maxEnvelopeBytes - head.length));
    expect(parseEnvelope(full).payload.length).toBe(maxEnvelopeBytes - head.length);
    refuses(concatBytes(full, Uint8Array.of(0)), 'HW_MESSAGE_TOO_LARGE');
    expect(() => signEnvelope('snapshot', new Uint8Array(maxEnvelopeBytes), [signer], nodeCrypto)).toThrow(
      expect.objectContaining({ code: 'HW_MESSAGE_TOO_LARGE' }),
    );
  });

  test('a message cut anywhere in its header', () => {
    const bytes = sign('snapshot', json(snapshot()));
    const end = bytes.indexOf(0x0a);
    for (let length = 1; length <= end; length++) refuses(bytes.slice(0, length), 'HW_MESSAGE_MALFORMED');
  });
});
