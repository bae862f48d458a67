import { expect, test } from 'vitest';
import { findSecret } from './find-secrets.ts';

const token = `hw_abcdefghij12_${'aB3'.repeat(14)}Z`;

test('tokens and age keys are found wherever they stand', () => {
  for (const text of [
    token,
    `x${token}y`,
    `hw_ hw_hw_${token}`,
    `{"a":"${token}"}`,
    `${'\n'.repeat(70_000)}${token}`,
  ])
    expect(findSecret(Buffer.from(text))).toEqual({ kind: 'token', tokenId: 'abcdefghij12' });
  for (const text of ['AGE-SECRET-KEY-1ABC', '# AGE-SECRET-KEY-PQ-1…'])
    expect(findSecret(Buffer.from(text))).toEqual({ kind: 'age-key' });
});

test('text in UTF-16 hides nothing', () => {
  const little = Buffer.from(`key: ${token}`, 'utf16le');
  expect(findSecret(little)).toEqual({ kind: 'token', tokenId: 'abcdefghij12' });
  expect(findSecret(Buffer.from(little).swap16())).toEqual({ kind: 'token', tokenId: 'abcdefghij12' });
});

test('what only looks like one is left alone', () => {
  for (const text of [
    '',
    'hw_',
    token.slice(0, -1),
    token.replace('hw_a', 'hw_A'),
    token.replace('_aB3', '-aB3'),
    'age-secret-key-1',
  ])
    expect([text, findSecret(Buffer.from(text))]).toEqual([text, null]);
});

test('a view into a larger buffer shows only itself', () => {
  const whole = Buffer.from(`${token} tail`);
  expect(findSecret(whole.subarray(token.length))).toBeNull();
  expect(findSecret(new Uint8Array(whole.buffer, whole.byteOffset, token.length))).not.toBeNull();
});
