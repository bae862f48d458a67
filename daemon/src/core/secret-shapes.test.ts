import { describe, expect, test } from 'vitest';
import { credentialIn, findCredentials } from './secret-shapes.ts';

// Written in pieces, so that no tool takes this file for a leak.
const random = (prefix: string, length: number) =>
  prefix + 'aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xY'.repeat(4).slice(0, length);

describe('certain', () => {
  test.each([
    ['a Headwater token', random('hw_abcdef012345_', 43)],
    ['a Headwater token', `Bearer ${random('hw_abcdef012345_', 43)}.`],
    ['an age identity', `AGE-SECRET-KEY-${'1QQPQXYZ'.repeat(7)}`],
    ['an age identity', `age-secret-key-${'1qqpqxyz'.repeat(7)}`],
  ])('%s', (kind, text) => {
    expect(credentialIn(text)).toEqual({ kind, isCertain: true });
  });
});

describe('guessed', () => {
  test.each([
    ['a private key', `-----BEGIN ${'OPENSSH'} PRIVATE KEY-----\nAAAA`],
    ['a private key', `-----BEGIN ${'PRIVATE'} KEY-----`],
    ['an AWS access key', `AKIA${'IOSFODNN7EXAMPLE'.replace('8', '7')}`],
    ['a GitHub token', random('ghp_', 36)],
    ['a GitHub token', random('github_pat_', 82)],
    ['a GitLab token', random('glpat-', 20)],
    ['a Slack token', `xoxb-${'1234567890-abcdef'}`],
    ['a Google API key', random('AIza', 35)],
    ['a Stripe key', random('sk_live_', 24)],
    ['an API key', random('sk-proj-', 40)],
    ['a signed web token', `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIxMjM0NSJ9'}.c2lnbmF0dXJlLWhlcmU`],
    ['an address with a password', 'mqtt://robot:hunter2@broker.local:1883/x'],
    ['an address with a password', 'redis://:p@h'],
    ['a random key', 'q83Xv0lPz7TgYwR5nKc2Jb9dHs4FmA1eU6iOoLxQ'],
  ])('%s', (kind, text) => {
    expect(credentialIn(text)).toEqual({ kind, isCertain: false });
  });
});

test.each([
  ['a sentence', 'Hello, I am TARS. What can I do for you today, and how honest shall I be about it?'],
  ['a digest', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  ['an id', '550E8400-e29b-41d4-a716-446655440000'],
  ['an address', 'https://api.openai.com/v1/chat/completions?model=gpt-4o#top'],
  ['an address with a user', 'mqtt://robot@broker.local:1883'],
  ['an address with an "@" in its path', 'https://registry.example.org:8443/@scope/package'],
  ['a path', '/usr/share/models/whisper/ggml-base.en-Q5_1-2024.bin'],
  ['a public key', `age1${'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.repeat(2).slice(0, 58)}`],
  ['a name', 'HeadwaterConfigurationServiceWorker01'],
  ['a short text', 'sk-live'],
])('%s is none', (_, text) => {
  expect(credentialIn(text)).toBeNull();
});

test('every text is looked at, where it stands', () => {
  const token = random('ghp_', 36);
  expect(findCredentials({ a: [{ b: token }, 'x'], 'c/d': token }).map(({ pointer }) => pointer)).toEqual([
    '/a/0/b',
    '/c~1d',
  ]);
});

test('hostile text costs little', () => {
  const texts = ['a:'.repeat(200_000), `x://${':'.repeat(300_000)}`, `${'eyJ-'.repeat(1_000)}`.repeat(100)];
  const start = performance.now();
  for (const text of texts) credentialIn(text);
  expect(performance.now() - start).toBeLessThan(500);
});
