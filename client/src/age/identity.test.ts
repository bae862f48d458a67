import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { decodeBech32, encodeBech32 } from './bech32.ts';
import { parseIdentity } from './identity.ts';

test('an identity has the public key that the age library finds', async () => {
  for (let i = 0; i < 20; i++) {
    const text = await generateX25519Identity();
    expect(parseIdentity(text)?.recipient).toBe(await identityToRecipient(text));
  }
});

test('anything else is no identity', async () => {
  const good = await generateX25519Identity();
  const mistyped = `${good.slice(0, -1)}${good.endsWith('Q') ? 'P' : 'Q'}`;
  const others = ['', 'age1', mistyped, good.toLowerCase(), `${good} `, good.slice(0, -1), `${good}Q`];
  for (const text of [...others, encodeBech32('age-secret-key-', new Uint8Array(31)).toUpperCase()])
    expect(parseIdentity(text)).toBeNull();
});

describe('bech32', () => {
  test('of BIP 173 is read: the longest prefix apart, all of it', () => {
    expect(decodeBech32('a', 'A12UEL5L')).toEqual(new Uint8Array());
    expect(encodeBech32('a', new Uint8Array())).toBe('a12uel5l');
    const split = decodeBech32('split', 'split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w');
    expect(encodeBech32('split', split as Uint8Array)).toBe(
      'split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w',
    );
  });

  test.each([
    ['mixed case', 'A12UEl5L'],
    ['a wrong checksum', 'A1G7SGD8'],
    ['a digit that there is not', 'a1b2uel5l'],
    ['another prefix', 'split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w'],
    ['no data', 'a1'],
  ])('with %s is refused', (_, text) => expect(decodeBech32('a', text)).toBeNull());

  test('comes back from any bytes', () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) % 256);
      expect(decodeBech32('x-', encodeBech32('x-', bytes))).toEqual(bytes);
    }
  });
});
