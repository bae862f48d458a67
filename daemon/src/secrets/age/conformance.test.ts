/** The age project's own conformance vectors: what must open opens, and nothing else does. */
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { armor } from 'age-encryption';
import * as vectors from 'cctv-age';
import { describe, expect, test } from 'vitest';
import { type Identity, parseIdentity } from './identity.ts';
import { openAge } from './open-age.ts';

interface Vector {
  readonly name: string;
  readonly meta: ReadonlyMap<string, string>;
  readonly identities: readonly string[];
  readonly armored: string;
}

function parseVector([name, whole]: [string, Uint8Array]): Vector {
  const bytes = Buffer.from(whole);
  const end = bytes.indexOf('\n\n');
  const fields = bytes
    .subarray(0, end)
    .toString()
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const);
  const meta = new Map(fields);
  const body = bytes.subarray(end + 2);
  const file = meta.get('compressed') === 'zlib' ? inflateSync(body) : body;
  return {
    name,
    meta,
    identities: fields.flatMap(([field, value]) => (field === 'identity' ? [value] : [])),
    armored: meta.get('armored') === 'yes' ? file.toString('latin1') : armor.encode(file),
  };
}

const all = Object.entries(vectors as unknown as Record<string, Uint8Array>).map(parseVector);
const isX25519 = (text: string) => text.startsWith('AGE-SECRET-KEY-1');

async function verdictOf({ identities, armored }: Vector): Promise<string> {
  const own: Identity[] = identities.filter(isX25519).map(parseIdentity);
  try {
    const opened = await openAge(armored, own, 64 * 1024 * 1024);
    return opened === null ? 'no match' : createHash('sha256').update(opened).digest('hex');
  } catch (error) {
    if (isHeadwaterError(error)) return error.code;
    throw error;
  }
}

test('the conformance vectors are all there', () => expect(all.length).toBeGreaterThan(140));

describe('the conformance vectors of age', () => {
  test.each(all)('$name', async (vector) => {
    const { meta, identities } = vector;
    const verdict = await verdictOf(vector);
    const expected = meta.get('expect') as string;
    if (meta.has('passphrase')) {
      // Refused on sight, the right passphrase too. "Scrypt" is another kind of stanza, and so for somebody else.
      const kind = vector.name === 'scrypt_uppercase' ? 'no match' : 'HW_AGE_PASSPHRASE';
      expect([kind, 'HW_AGE_FILE']).toContain(verdict);
    } else if (!identities.every(isX25519)) {
      // A post-quantum identity is none to us, so its files are for somebody else.
      expect(['no match', 'HW_AGE_FILE']).toContain(verdict);
    } else if (expected === 'success') expect(verdict).toBe(meta.get('payload'));
    else expect(verdict).toBe(expected === 'no match' ? 'no match' : 'HW_AGE_FILE');
  });
});
