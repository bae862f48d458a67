/** Judged by the age project's own conformance vectors, by its TypeScript library, and by the `age` command where it is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import * as age from 'age-encryption';
import * as vectors from 'cctv-age';
import { describe, expect, test } from 'vitest';
import { AgeError } from './age-error.ts';
import { decodeArmor } from './armor.ts';
import { type Identity, parseIdentity } from './identity.ts';
import { openAge } from './open-age.ts';

const maxStanzas = 256;
const identityOf = (text: string) => parseIdentity(text) as Identity;

/** The verdict in the words of the vectors. */
function verdictOf(bytes: Uint8Array, isArmored: boolean, identities: readonly Identity[]) {
  try {
    const file = isArmored ? decodeArmor(Buffer.from(bytes).toString('latin1')) : bytes;
    return { verdict: 'success', plaintext: openAge(file, identities, maxStanzas).plaintext };
  } catch (error) {
    if (!(error instanceof AgeError)) throw error;
    return { verdict: error.fault };
  }
}

const verdicts: Record<string, readonly string[]> = {
  success: ['success'],
  'no match': ['no-match'],
  'HMAC failure': ['mac'],
  'header failure': ['header'],
  'payload failure': ['payload'],
  'armor failure': ['armor'],
};

interface Vector {
  readonly name: string;
  readonly meta: ReadonlyMap<string, string>;
  readonly identities: readonly string[];
  readonly file: Uint8Array;
}

function parseVector([name, whole]: [string, Uint8Array]): Vector {
  const bytes = Buffer.from(whole);
  const end = bytes.indexOf('\n\n');
  const lines = bytes.subarray(0, end).toString().split('\n');
  const pairs = lines.map((line) => {
    const at = line.indexOf(': ');
    return [line.slice(0, at), line.slice(at + 2)] as const;
  });
  const meta = new Map(pairs);
  const body = bytes.subarray(end + 2);
  return {
    name,
    meta,
    identities: pairs.flatMap(([key, value]) => (key === 'identity' ? [value] : [])),
    file: meta.get('compressed') === 'zlib' ? inflateSync(body) : body,
  };
}

describe('the conformance vectors of age', () => {
  const all = Object.entries(vectors as unknown as Record<string, Uint8Array>).map(parseVector);

  test('are all there', () => expect(all.length).toBeGreaterThan(140));

  test.each(all)('$name', ({ meta, identities, file }) => {
    const own = identities.flatMap((text) => parseIdentity(text) ?? []);
    const { verdict, plaintext } = verdictOf(file, meta.get('armored') === 'yes', own);
    if (meta.has('passphrase')) {
      // Passphrases are refused on sight, the right one too.
      const expected = verdicts[meta.get('expect') as string]?.filter((one) => one !== 'success') ?? [];
      expect(['scrypt', ...expected]).toContain(verdict);
    } else if (own.length < identities.length) {
      // A post-quantum identity is none to us, so its files are for somebody else.
      expect(verdict).not.toBe('success');
    } else {
      expect(verdicts[meta.get('expect') as string]).toContain(verdict);
      const hash = plaintext && createHash('sha256').update(plaintext).digest('hex');
      if (hash) expect(hash).toBe(meta.get('payload'));
    }
  });
});

describe('files of the age library', () => {
  const seal = async (text: string, ...recipients: readonly string[]) => {
    const encrypter = new age.Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    return age.armor.encode(await encrypter.encrypt(text));
  };
  const make = async () => identityOf(await age.generateX25519Identity());

  test('open for each of their recipients and for nobody else, whichever identity comes first', async () => {
    const [a, b, stranger] = [await make(), await make(), await make()];
    const file = decodeArmor(await seal('hello', a.recipient, b.recipient));
    for (const identities of [[a], [b], [stranger, b]]) {
      const { plaintext, identity } = openAge(file, identities, maxStanzas);
      expect(Buffer.from(plaintext).toString()).toBe('hello');
      expect(identity).toBe(identities.at(-1));
    }
    expect(verdictOf(file, false, [stranger])).toEqual({ verdict: 'no-match' });
    expect(verdictOf(file, false, [])).toEqual({ verdict: 'no-match' });
  });

  test.each([0, 1, 65_535, 65_536, 65_537, 190_000])('of %d bytes come back whole', async (length) => {
    const own = await make();
    const text = 'x'.repeat(length);
    const { plaintext } = openAge(decodeArmor(await seal(text, own.recipient)), [own], maxStanzas);
    expect(Buffer.from(plaintext).toString() === text).toBe(true);
  });

  test('with more stanzas than allowed are not tried', async () => {
    const [own, other] = [await make(), await make()];
    const file = decodeArmor(await seal('x', other.recipient, other.recipient, own.recipient));
    expect(openAge(file, [own], 3).plaintext).toHaveLength(1);
    expect(() => openAge(file, [own], 2)).toThrow(expect.objectContaining({ fault: 'stanzas' }));
  });

  test('with any byte changed do not open, and nothing but an AgeError comes out', async () => {
    const own = await make();
    const whole = decodeArmor(await seal('a secret', own.recipient));
    for (let at = 0; at < whole.length; at++) {
      const file = Uint8Array.from(whole);
      file[at] = (file[at] as number) ^ (1 << (at % 8));
      expect(verdictOf(file, false, [own]).verdict).not.toBe('success');
    }
    for (let length = 0; length < whole.length; length++)
      expect(verdictOf(whole.subarray(0, length), false, [own]).verdict).not.toBe('success');
  });
});

const hasAge = spawnSync('age', ['--version']).status === 0;

describe.runIf(hasAge)('files of the age command', () => {
  test('open with the identity file that age-keygen writes, armored, for several recipients', () => {
    const folder = mkdtempSync(join(tmpdir(), 'headwater-age-'));
    try {
      const keys = ['a', 'b'].map((name) => {
        const path = join(folder, name);
        execFileSync('age-keygen', ['-o', path], { stdio: 'ignore' });
        const line = readFileSync(path, 'utf8')
          .split('\n')
          .find((one) => one.startsWith('AGE-SECRET-KEY-1'));
        return identityOf(line as string);
      });
      const recipients = keys.flatMap(({ recipient }) => ['-r', recipient]);
      const text = execFileSync('age', ['-a', ...recipients], { input: 'from the command' }).toString();
      for (const key of keys)
        expect(Buffer.from(openAge(decodeArmor(text), [key], maxStanzas).plaintext).toString()).toBe(
          'from the command',
        );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
