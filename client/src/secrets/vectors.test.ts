import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHeadwaterError, type SealedSecrets } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import * as age from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MachineWorld } from '../test-support/machine-world.ts';
import { createSecretsOpener } from './create-opener.ts';
import type { OpenedSecrets } from './opened-secrets.ts';

interface SecretsCase {
  readonly name: string;
  readonly secrets: SealedSecrets;
  readonly identities: readonly string[];
  readonly expect: {
    readonly verdict: 'open' | 'unavailable' | 'refuse';
    readonly code: string | null;
    readonly reason?: string;
    readonly values?: Readonly<Record<string, string>>;
    readonly recipient?: string;
  };
}
interface TestIdentity {
  readonly name: string;
  readonly identity: string;
  readonly recipient: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../schemas/vectors/secrets.json', import.meta.url), 'utf8'),
);
const identities: readonly TestIdentity[] = vectors.identities;
const cases: readonly SecretsCase[] = vectors.cases;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-secrets-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const linesOf = (one: SecretsCase) =>
  one.identities.map((name) => identities.find((identity) => identity.name === name)?.identity as string);

function openerFor(one: SecretsCase) {
  const lines = linesOf(one);
  const path = join(folder, 'identity');
  if (lines.length > 0) writeFileSync(path, `# test\n${lines.join('\n')}\n`, { mode: 0o600 });
  const identityFile = lines.length > 0 ? path : null;
  return createSecretsOpener({ target: vectors.target, identityFile, crypto: nodeCrypto });
}

/** What an opened bundle says, in the words of the vectors. */
function told(opened: OpenedSecrets) {
  if (opened.state === 'unavailable')
    return { verdict: 'unavailable', code: 'HW_SECRET_UNAVAILABLE', reason: opened.problem.reason };
  if (opened.state === 'none') return { verdict: 'none' };
  const { values, recipient } = opened;
  const entries = values.pointers.map((pointer) => [pointer, values.get(pointer)]);
  return { verdict: 'open', code: null, values: Object.fromEntries(entries), recipient };
}

describe('conformance vectors: secrets', () => {
  test.each(cases)('$name', (one) => {
    let result: object;
    try {
      result = told(openerFor(one)(one.secrets));
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      result = { verdict: 'refuse', code: error.code };
    }
    expect(result).toEqual(one.expect);
  });

  test.each(cases)('$name: what becomes of the config that came with it', (one) => {
    const world = new MachineWorld();
    world.opener.open = openerFor(one);
    const { maker } = world;
    world.deliver('diff', maker.snapshot(maker.epoch(1), { a: 1 }));
    const before = world.state;
    world.deliver('diff', maker.snapshot(maker.epoch(2), { a: 2 }, { secrets: one.secrets }));
    if (one.expect.verdict === 'refuse') {
      expect(world.refusals).toEqual([one.expect.code]);
      expect(world.state.held).toBe(before.held);
      expect(world.state.marks).toEqual(before.marks);
    } else {
      expect(world.config).toEqual({ a: 2 });
      expect(world.state.held?.opened.state).toBe(one.expect.verdict);
      expect(world.refusals).toEqual([]);
    }
  });

  test.each(cases.filter(({ expect }) => expect.verdict === 'open'))(
    '$name: the age library reads the same',
    async (one) => {
      const decrypter = new age.Decrypter();
      for (const line of linesOf(one)) decrypter.addIdentity(line);
      const text = await decrypter.decrypt(age.armor.decode(one.secrets.sealed as string), 'text');
      expect(JSON.parse(text).values).toEqual(one.expect.values);
    },
  );

  test('identities have the recipients that the age library finds', async () => {
    for (const { identity, recipient } of identities)
      expect(await age.identityToRecipient(identity)).toBe(recipient);
  });
});
