import { describe, expect, test } from 'vitest';
import { wholeLkg } from '../vectors/make/lkg.mjs';
import { hmacKey, keyring, nextConfig, sealed, target } from '../vectors/make/world.mjs';
import { isHeadwaterError } from './errors.ts';
import { decodeLkg, encodeLkg } from './lkg-file.ts';
import { nodeCrypto } from './node.ts';
import { type OpenedLkg, openLkg } from './open-lkg.ts';
import { equalValues } from './patch.ts';

// Each kind of damage with its code stands in schemas/vectors/lkg.json.

function open(bytes: Uint8Array): OpenedLkg | string {
  try {
    return openLkg(bytes, target, keyring, hmacKey, nodeCrypto);
  } catch (error) {
    if (isHeadwaterError(error)) return error.code;
    throw error;
  }
}

const whole = open(wholeLkg) as OpenedLkg;

test('a whole file gives config, secrets and schema', () => {
  expect(whole.config).toEqual(nextConfig);
  expect(whole.secrets).toEqual(sealed);
  expect(whole.schema?.payload.kind).toBe('schema');
  expect(whole.file).toMatchObject({ sealed: true, header: { ...target, savedAt: '2026-11-21T10:05:01Z' } });
});

test('written again from what was read, it is the same file', () => {
  const { header, parts } = decodeLkg(wholeLkg, hmacKey, nodeCrypto);
  expect(encodeLkg(header, parts, hmacKey, nodeCrypto)).toEqual(wholeLkg);
});

describe('damage', () => {
  test('cut at any length: refused with a code', () => {
    for (let length = 0; length < wholeLkg.length; length++)
      expect(typeof open(wholeLkg.subarray(0, length)), `${length}`).toBe('string');
  });

  test('any byte changed: refused with a code, or unsealed with the very same verified content', () => {
    let unsealed = 0;
    for (let at = 0; at < wholeLkg.length; at++) {
      const bytes = Uint8Array.from(wholeLkg);
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      const result = open(bytes);
      if (typeof result === 'string') continue;
      unsealed++;
      expect(result.file.sealed, `byte ${at}`).toBe(false);
      expect(equalValues(result.config, whole.config)).toBe(true);
      expect(result.secrets).toEqual(whole.secrets);
      expect(result.message.payload).toEqual(whole.message.payload);
      expect(result.schema?.payload).toEqual(whole.schema?.payload);
    }
    expect(unsealed).toBeGreaterThan(43); // at least every letter of the HMAC
  });

  test('a byte put in or taken out anywhere: the same', () => {
    for (let at = 0; at < wholeLkg.length; at += 7) {
      for (const bytes of [
        wholeLkg.filter((_: number, i: number) => i !== at),
        Uint8Array.from([...wholeLkg.subarray(0, at), 0x20, ...wholeLkg.subarray(at)]),
      ]) {
        const result = open(bytes);
        if (typeof result === 'string') continue;
        expect(result.file.sealed).toBe(false);
        expect(equalValues(result.config, whole.config)).toBe(true);
      }
    }
  });

  test('random files are refused', () => {
    for (let length = 0; length < 300; length += 3) {
      const noise = Uint8Array.from({ length }, (_, i) => (i * 197 + length * 31) & 0xff);
      expect(open(noise)).toBe('HW_LKG_CORRUPT');
    }
  });
});

test('lengths that only make sense together are refused: parts cannot overlap or run over', () => {
  const text = Buffer.from(wholeLkg).toString('latin1');
  for (const length of ['999999999', '9007199254740991', '1e3', '1.5', '-5', '"5"', 'null']) {
    const bytes = Uint8Array.from(Buffer.from(text.replace(/"bytes":\d+/, `"bytes":${length}`), 'latin1'));
    expect(open(bytes), length).toBe('HW_LKG_CORRUPT');
  }
});
