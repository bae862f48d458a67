import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signingKeyOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSshKey, signBytes } from '../../testing/ssh-keys.ts';
import { parseSshPublicKey } from './ssh-public-key.ts';
import { createSshSignature, ed25519Blob, parseSshSignature } from './ssh-signature.ts';

const key = signingKeyOf(new Uint8Array(32).fill(7), nodeCrypto);
const message = Buffer.from('what is signed\n');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-sshsig-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a signature made here is read here', () => {
  const signature = parseSshSignature(createSshSignature(message, 'git', key));
  expect(signature.namespace).toBe('git');
  expect(signature.fits(message)).toBe(true);
  expect(signature.fits(Buffer.from('something else'))).toBe(false);
});

test('ssh-keygen takes a signature made here', () => {
  const line = `daemon ssh-ed25519 ${Buffer.from(ed25519Blob(key.publicKey)).toString('base64')}\n`;
  writeFileSync(join(folder, 'signers'), line);
  writeFileSync(join(folder, 'sig'), createSshSignature(message, 'git', key));
  const args = [
    '-Y',
    'verify',
    '-f',
    join(folder, 'signers'),
    '-I',
    'daemon',
    '-n',
    'git',
    '-s',
    join(folder, 'sig'),
  ];
  expect(execFileSync('ssh-keygen', args, { input: message, encoding: 'utf8' })).toContain(
    'Good "git" signature',
  );
});

test.each(['ed25519', 'ecdsa:256', 'ecdsa:384', 'ecdsa:521', 'rsa:2048'])(
  'a signature by ssh-keygen with %s is read',
  (kind) => {
    const own = makeSshKey(folder, kind.replace(':', '-'), kind);
    const signature = parseSshSignature(signBytes(own, 'git', message));
    expect(signature.fits(message)).toBe(true);
    expect(signature.key.type).toBe(own.publicKey.split(' ')[0]);
    const printed = execFileSync('ssh-keygen', ['-l', '-f', `${own.path}.pub`], { encoding: 'utf8' });
    expect(printed).toContain(signature.key.fingerprint);
  },
);

describe('public keys', () => {
  const string = (bytes: Uint8Array | string) => {
    const content = Buffer.from(bytes as Uint8Array);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([length, content]);
  };
  const reasonOf = (blob: Uint8Array) => {
    try {
      parseSshPublicKey(blob);
      return 'taken';
    } catch (error) {
      return (error as { details?: { reason?: string } }).details?.reason;
    }
  };
  const rsa = (exponent: readonly number[], modulus: Uint8Array) =>
    Buffer.concat([string('ssh-rsa'), string(Buffer.from(exponent)), string(modulus)]);
  const modulus = (bytes: number) => Buffer.concat([Buffer.from([0]), Buffer.alloc(bytes, 0xc5)]);

  test('an rsa key has a sane size and exponent', () => {
    expect(reasonOf(rsa([1, 0, 1], modulus(256)))).toBe('taken');
    expect(reasonOf(rsa([1, 0, 1], modulus(255)))).toBe('unsupported');
    expect(reasonOf(rsa([1, 0, 1], modulus(2049)))).toBe('unsupported');
    expect(reasonOf(rsa([1], modulus(256)))).toBe('unsupported');
    expect(reasonOf(rsa([2], modulus(256)))).toBe('unsupported');
    expect(reasonOf(rsa([0, 0, 1], modulus(256)))).toBe('malformed');
    expect(reasonOf(rsa([0x81], modulus(256)))).toBe('malformed');
    expect(reasonOf(rsa([], modulus(256)))).toBe('malformed');
    expect(reasonOf(rsa([1, 0, 0, 0, 0, 0, 0, 0, 1], modulus(256)))).toBe('unsupported');
    expect(reasonOf(rsa([1, 0, 1], Buffer.alloc(256, 0xc5)))).toBe('malformed');
  });

  test('a point must lie on its curve, and be of the curve that the type names', () => {
    const point = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]);
    const beside = parseSshPublicKey(
      Buffer.concat([string('ecdsa-sha2-nistp256'), string('nistp256'), string(point)]),
    );
    const numbers = Buffer.concat([string(Buffer.from([1])), string(Buffer.from([1]))]);
    const signature = Buffer.concat([string('ecdsa-sha2-nistp256'), string(numbers)]);
    expect(beside.verify(message, signature)).toBe(false);
    expect(reasonOf(Buffer.concat([string('ecdsa-sha2-nistp256'), string('nistp384'), string(point)]))).toBe(
      'malformed',
    );
    const infinity = Buffer.from([0]);
    expect(
      reasonOf(Buffer.concat([string('ecdsa-sha2-nistp256'), string('nistp256'), string(infinity)])),
    ).toBe('malformed');
  });

  test('an ed25519 key of small order verifies nothing', () => {
    const weak = Buffer.concat([
      string('ssh-ed25519'),
      string(Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])),
    ]);
    const parsed = parseSshPublicKey(weak);
    const nothing = Buffer.concat([
      string('ssh-ed25519'),
      string(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
    ]);
    expect(parsed.verify(message, nothing)).toBe(false);
  });

  test('a signature of another algorithm than the key verifies nothing', () => {
    const parsed = parseSshPublicKey(ed25519Blob(key.publicKey));
    const value = nodeCrypto.sign(message, key.seed);
    expect(parsed.verify(message, Buffer.concat([string('ssh-ed25519'), string(value)]))).toBe(true);
    expect(parsed.verify(message, Buffer.concat([string('rsa-sha2-256'), string(value)]))).toBe(false);
    expect(
      parsed.verify(message, Buffer.concat([string('ssh-ed25519'), string(value), Buffer.alloc(1)])),
    ).toBe(false);
    expect(parsed.verify(message, new Uint8Array())).toBe(false);
  });
});
