/** Our wraps against the age command and against the library's own, both ways; and what hostile files meet. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { bech32 } from '@scure/base';
import {
  armor,
  Decrypter,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAgeHeader } from './age-header.ts';
import { parseIdentity, parseIdentityFile } from './identity.ts';
import { openAge } from './open-age.ts';
import { isRecipient, parseRecipient } from './recipient.ts';
import { sealFor, sealNow } from './seal.ts';

const maxBytes = 1024 * 1024;
let folder: string;
let text: string;
let recipient: string;
let otherText: string;
let other: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-age-'));
  text = await generateX25519Identity();
  recipient = await identityToRecipient(text);
  otherText = await generateX25519Identity();
  other = await identityToRecipient(otherText);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytesOf = (content: string): Uint8Array => Buffer.from(content);
const textOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString();
const codeOf = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => 'accepted',
      (error) => (isHeadwaterError(error) ? error.code : String(error)),
    );

describe('the age command', () => {
  test('opens what we seal, for each recipient', async () => {
    const file = join(folder, 'ours.age');
    writeFileSync(file, await sealFor([recipient, other], bytesOf('ours')));
    for (const [name, identity] of [
      ['a', text],
      ['b', otherText],
    ] as const) {
      writeFileSync(join(folder, name), `${identity}\n`);
      expect(execFileSync('age', ['-d', '-i', join(folder, name), file]).toString()).toBe('ours');
    }
  });

  test('seals what we open', async () => {
    const sealed = execFileSync('age', ['-a', '-r', other, '-r', recipient], { input: 'theirs' }).toString();
    expect(textOf(await openAge(sealed, [parseIdentity(text)], maxBytes))).toBe('theirs');
  });

  test('makes identities that we read, and names them as we do', () => {
    const file = execFileSync('age-keygen', { stdio: 'pipe' }).toString();
    const [identity] = parseIdentityFile(file);
    expect(file).toContain(`# public key: ${identity?.recipient}\n`);
  });
});

describe('the library alone', () => {
  test('opens what we seal, and seals what we open, of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200_000, size: 'max' }), async (bytes) => {
        const decrypter = new Decrypter();
        decrypter.addIdentity(text);
        expect(
          Buffer.compare(await decrypter.decrypt(armor.decode(await sealNow([recipient], bytes))), bytes),
        ).toBe(0);
        const encrypter = new Encrypter();
        encrypter.addRecipient(recipient);
        const opened = await openAge(
          armor.encode(await encrypter.encrypt(bytes)),
          [parseIdentity(text)],
          maxBytes,
        );
        expect(opened && Buffer.compare(opened, bytes)).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe('an identity', () => {
  test('opens nothing that is for somebody else', async () => {
    const sealed = await sealNow([other], bytesOf('x'));
    expect(await openAge(sealed, [parseIdentity(text)], maxBytes)).toBeNull();
    expect(textOf(await openAge(sealed, [parseIdentity(text), parseIdentity(otherText)], maxBytes))).toBe(
      'x',
    );
    expect(await openAge(sealed, [], maxBytes)).toBeNull();
  });

  test('shows nothing of its private key', () => {
    const shown = `${JSON.stringify(parseIdentity(text))} ${Object.values(parseIdentity(text)).join()}`;
    expect(shown).toContain(recipient);
    expect(shown).not.toContain('SECRET');
  });

  test('files may hold comments and identities of other kinds, but no broken line', async () => {
    const hybrid = await generateHybridIdentity();
    const file = `# created\n\n${hybrid}\nAGE-PLUGIN-YUBIKEY-1QQQ\n${text}\r\n${otherText}`;
    expect(parseIdentityFile(file).map((identity) => identity.recipient)).toEqual([recipient, other]);
    const broken = [
      '',
      '# nothing\n',
      hybrid,
      'hunter2\n',
      `${text}\nhunter2`,
      `${text.slice(0, -1)}Q`,
      text.toLowerCase(),
      await sealNow([recipient], bytesOf(text)),
    ];
    for (const bad of broken) {
      const refused = await codeOf(() => parseIdentityFile(bad));
      expect([bad.slice(0, 20), refused]).toEqual([bad.slice(0, 20), 'HW_KEY_FILE']);
      expect(() => parseIdentityFile(bad)).not.toThrow(/hunter2|AGE-SECRET-KEY-1[A-Z]/);
    }
  });
});

describe('a recipient', () => {
  test('is an X25519 public key with the right checksum', () => {
    expect(isRecipient(recipient)).toBe(true);
    const wrong = [
      `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`,
      recipient.toUpperCase(),
      `${recipient} `,
      'age1',
      'ssh-ed25519 AAAA',
      text,
    ];
    for (const bad of wrong) {
      expect(isRecipient(bad)).toBe(false);
      expect(() => parseRecipient(bad)).toThrow(expect.objectContaining({ code: 'HW_KEY_INVALID' }));
    }
  });

  test('of small order is refused: everybody could read along', async () => {
    const zero = bech32.encodeFromBytes('age', new Uint8Array(32));
    expect(await codeOf(() => sealNow([zero], bytesOf('x')))).toBe('HW_KEY_INVALID');
  });

  test('is needed, and 64 are enough', async () => {
    expect(await codeOf(() => sealNow([], bytesOf('x')))).toBe('HW_KEY_INVALID');
    expect(await codeOf(() => sealNow(Array(64).fill(recipient), bytesOf('x')))).toBe('accepted');
    expect(await codeOf(() => sealNow(Array(65).fill(recipient), bytesOf('x')))).toBe('HW_KEY_INVALID');
  });
});

describe('a hostile age file', () => {
  const open = (armored: string) => codeOf(() => openAge(armored, [parseIdentity(text)], maxBytes));

  test('cut off anywhere is refused', async () => {
    const sealed = await sealNow([recipient], bytesOf('hunter2'.repeat(20)));
    for (let cut = 0; cut < sealed.length - 2; cut += 7)
      expect([cut, await open(sealed.slice(0, cut))]).toEqual([cut, 'HW_AGE_FILE']);
    const file = armor.decode(sealed);
    for (let cut = 0; cut < file.length; cut += 5) {
      expect([cut, await open(armor.encode(file.subarray(0, cut)))]).toEqual([cut, 'HW_AGE_FILE']);
    }
  });

  test('with one byte changed never opens', async () => {
    const file = armor.decode(await sealNow([recipient], bytesOf('x')));
    const identity = parseIdentity(text);
    for (let at = 0; at < file.length; at++) {
      const changed = Uint8Array.from(file);
      changed[at] = (changed[at] as number) ^ 1;
      const opened = await openAge(armor.encode(changed), [identity], maxBytes).catch((error) => error.code);
      expect([at, opened]).toEqual([at, opened === null ? null : 'HW_AGE_FILE']);
    }
  });

  test('with a passphrase is refused before its work factor is looked at', async () => {
    const encrypter = new Encrypter();
    encrypter.setScryptWorkFactor(2);
    encrypter.setPassphrase('hunter2');
    const file = Buffer.from(await encrypter.encrypt('x')).toString('latin1');
    for (const factor of [' 2\n', ' 63\n']) {
      const armored = armor.encode(Buffer.from(file.replace(' 2\n', factor), 'latin1'));
      expect(await open(armored)).toBe('HW_AGE_PASSPHRASE');
    }
  });

  test('for very many recipients, or very large, is refused unread', async () => {
    const stanza = '-> X25519 AAAA\nAAAA\n';
    const many = armor.encode(Buffer.from(`age-encryption.org/v1\n${stanza.repeat(65)}--- AAAA\n`));
    expect(await open(many)).toBe('HW_AGE_FILE');
    expect(() => readAgeHeader(many, maxBytes)).toThrow(/for 65 recipients/);
    expect(() => readAgeHeader(many, many.length - 1)).toThrow(/has \d+ bytes/);
  });

  test('with a malformed stanza is refused, one of another kind is passed over', async () => {
    for (const line of ['X25519', 'X25519 AAAA', `X25519 ${'A'.repeat(43)} x`, `X25519 ${'A'.repeat(43)}`]) {
      const header = `age-encryption.org/v1\n-> ${line}\n${'A'.repeat(43)}\n--- ${'A'.repeat(43)}\n`;
      expect([line, await open(armor.encode(Buffer.from(header)))]).toEqual([line, 'HW_AGE_FILE']);
    }
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(await generateHybridIdentity()));
    encrypter.addRecipient(recipient);
    expect(await open(armor.encode(await encrypter.encrypt('x')))).toBe('accepted');
  });

  test('is not quoted by any message', async () => {
    for (const file of [
      'hunter2',
      'age-encryption.org/v1\nhunter2',
      'age-encryption.org/v1\n-> hunter2 hunter2\nhunter2\n--- hunter2\n',
    ]) {
      const error = await openAge(armor.encode(Buffer.from(file)), [parseIdentity(text)], maxBytes).catch(
        (thrown) => thrown,
      );
      expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)} ${error.cause}`).not.toContain(
        'hunter2',
      );
    }
  });
});

test('between two of many bundles the event loop runs', async () => {
  const bundles = 50;
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: bundles }, () => sealFor([recipient], new Uint8Array(1024))));
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(bundles);
});

test('one bundle that cannot be made does not stop the next', async () => {
  const [failed, made] = [sealFor(['age1'], bytesOf('x')), sealFor([recipient], bytesOf('x'))];
  expect(await codeOf(() => failed)).toBe('HW_KEY_INVALID');
  expect(textOf(await openAge(await made, [parseIdentity(text)], maxBytes))).toBe('x');
});
