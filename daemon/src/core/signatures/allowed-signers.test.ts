import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSshKey } from '../../testing/ssh-keys.ts';
import { canAnybodySign, parseAllowedSigners } from './allowed-signers.ts';
import { matchesPatternList } from './pattern-list.ts';

let folder: string;
let publicKey: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-signers-'));
  publicKey = makeSshKey(folder, 'key', 'ed25519').publicKey;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parse = (...lines: readonly string[]) => parseAllowedSigners(Buffer.from(lines.join('\n')));
const signersOf = (text: string) => [...parse(text).byKey.values()].flat();

test('a line names addresses, what for, when, and a key', () => {
  const text = `ann@example.org,*@robots.example.org namespaces="git,file",valid-after="20260101",valid-before="202612312359Z" ${publicKey} Ann's laptop`;
  expect(signersOf(text)).toEqual([
    {
      line: 1,
      principals: 'ann@example.org,*@robots.example.org',
      namespaces: 'git,file',
      validAfter: Date.UTC(2026, 0, 1) / 1000,
      validBefore: Date.UTC(2026, 11, 31, 23, 59) / 1000,
      isAuthority: false,
      fingerprint: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
    },
  ]);
});

test('options may hold spaces and stand in any case; principals may stand in quotes; lines may end as on Windows', () => {
  const { byKey, findings } = parse(
    '# people\r',
    '\r',
    `  "ann@example.org,bob@example.org"  NAMESPACES="git, file"  ${publicKey}\r`,
  );
  expect(findings).toEqual([]);
  expect([...byKey.values()].flat()).toMatchObject([
    { line: 3, principals: 'ann@example.org,bob@example.org', namespaces: 'git, file' },
  ]);
});

test('one key may have several lines', () => {
  expect(signersOf(`ann@a ${publicKey}\nann@b ${publicKey}`).map(({ principals }) => principals)).toEqual([
    'ann@a',
    'ann@b',
  ]);
});

describe('a line that is not understood whole is not used, and a warning says where and why', () => {
  const key = () => publicKey;
  test.each([
    ['a certificate authority', () => `ann@a cert-authority ${key()}`, /certificate authority/],
    [
      'a key on a token',
      () => `ann@a ${key().replace('ssh-ed25519', 'sk-ssh-ed25519@openssh.com')}`,
      /says "sk-ssh-ed25519@openssh.com"/,
    ],
    [
      'a real key on a token',
      () => 'ann@a sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIA==',
      /security tokens/,
    ],
    ['an option that nobody knows', () => `ann@a touch-required ${key()}`, /not known: "touch-required"/],
    ['an option twice', () => `ann@a namespaces="git",namespaces="file" ${key()}`, /"namespaces" twice/],
    ['an option without a value', () => `ann@a namespaces ${key()}`, /namespaces="…"/],
    ['a flag with a value', () => `ann@a cert-authority="yes" ${key()}`, /cert-authority="…"/],
    ['an empty option', () => `ann@a namespaces="git",,valid-after="20260101" ${key()}`, /not known: ""/],
    ['a time that is none', () => `ann@a valid-after="20260231" ${key()}`, /time that is none/],
    ['a time in another form', () => `ann@a valid-after="2026-01-01" ${key()}`, /time that is none/],
    ['no key', () => 'ann@a', /no key/],
    ['half a key', () => `ann@a ${key().slice(0, -12)}`, /ends too early|no base64/],
    [
      'a key of another type than it says',
      () => `ann@a ${key().replace('ssh-ed25519', 'ssh-rsa')}`,
      /says "ssh-rsa"/,
    ],
    ['quotes that do not end', () => `"ann@a ${key()}`, /e-mail addresses/],
    ['a very long line', () => `ann@a ${key()} ${'x'.repeat(20_000)}`, /longer than/],
  ])('%s', (_, text, message) => {
    const { byKey, findings } = parse('# one', text());
    expect(byKey.size).toBe(0);
    expect(findings).toMatchObject([
      {
        severity: 'warning',
        code: 'HW_SIGNERS_LINE',
        file: 'allowed_signers',
        line: 2,
        message: expect.stringMatching(message),
      },
    ]);
  });

  test('the other lines of the file are used', () => {
    const { byKey, findings } = parse(`ann@a cert-authority ${publicKey}`, `ann@a ${publicKey}`);
    expect(byKey.size).toBe(1);
    expect(findings).toHaveLength(1);
  });

  test('a short rsa key', () => {
    const { publicKey: short } = makeSshKey(folder, 'short', 'rsa:1024');
    expect(parse(`ann@a ${short}`).findings[0]?.message).toMatch(/1024 bits/);
  });

  test('a file of nothing but damage is read quickly and told briefly', () => {
    const { findings } = parse(
      ...Array.from({ length: 5000 }, (_, i) => `${'"'.repeat(i % 40)}a\\"=, ,`.repeat(3)),
    );
    expect(findings).toHaveLength(50);
  });
});

test('a list of thousands of keys is read in a moment', () => {
  const { publicKey: slow } = makeSshKey(folder, 'slow', 'ecdsa:521');
  const before = process.cpuUsage();
  const { byKey } = parse(...Array.from({ length: 1900 }, (_, i) => `ann${i}@a ${slow}`));
  expect([...byKey.values()].flat()).toHaveLength(1900);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(250);
});

test('a list lets somebody sign commits or it does not', () => {
  expect(canAnybodySign(parse(`ann@a ${publicKey}`))).toBe(true);
  expect(canAnybodySign(parse(`ann@a namespaces="file" ${publicKey}`))).toBe(false);
  expect(canAnybodySign(parse('# nobody yet'))).toBe(false);
});

test.each([
  ['ann@example.org', 'ann@example.org', true],
  ['ann@example.org', '*', true],
  ['ann@example.org', '*@example.org', true],
  ['ann@example.org', 'a?n@*.org', true],
  ['ann@example.org', 'bob@example.org,ann@example.org', true],
  ['ann@example.org', '*,!ann@*', false],
  ['ann@example.org', '!bob@*', false],
  ['ann@example.org', 'ann@example.orgs', false],
  ['ann@example.org', '', false],
  ['', '', true],
  ['', '*', true],
  ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', '*a*a*a*a*a*a*a*a*a*a*a*c', false],
])('%s against the pattern list %s: %s', (text, list, expected) => {
  expect(matchesPatternList(text, list)).toBe(expected);
});
