/** Files damaged at random: they never open as something else, and no error shows a value. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSopsStructure } from './check-structure.ts';
import { createDataKeyCache } from './data-key-cache.ts';
import { encryptSops } from './encrypt-sops.ts';
import { openSopsFile } from './open-sops-file.ts';
import { type OrderedObject, orderedFrom } from './ordered-json.ts';
import { parseSopsFile } from './parse-sops-file.ts';
import { defaultRule } from './selection-rule.ts';
import { identities, recipients } from './testing.ts';

const canary = 'canary-value';
const policy = { recipients: [recipients.A], rule: defaultRule };
const keys = { identities: identities('A'), cache: createDataKeyCache() };

test('a damaged file opens unchanged or not at all, and tells no value', async () => {
  const values = {
    db: { password: canary, tokens: [canary, `${canary}2`] },
    note_unencrypted: canary,
    list_unencrypted: [canary],
  };
  const good = Buffer.from(
    await encryptSops(orderedFrom(values) as OrderedObject, [recipients.A], { now: new Date(0) }),
  );
  using original = await openSopsFile(parseSopsFile(good), keys);
  const damage = fc.record({
    at: fc.nat(good.length),
    drop: fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, fc.nat(200)),
    add: fc.oneof(
      fc.constantFrom('', '"', '{', '[', ']', '}', ':', ',', '\\', '\n', '0', 'A', '='),
      fc.string({ maxLength: 3 }),
    ),
  });
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(damage, async ({ at, drop, add }) => {
      const bytes = Buffer.concat([good.subarray(0, at), Buffer.from(add), good.subarray(at + drop)]);
      expect(JSON.stringify(checkSopsStructure(bytes, policy))).not.toContain(canary);
      try {
        using opened = await openSopsFile(parseSopsFile(bytes), keys);
        outcomes.add('opened');
        // The MAC covers neither the keys of plain values nor where one ends; the structure check has no plain values at all.
        expect([...opened.values.values()].join('')).toBe([...original.values.values()].join(''));
        expect(sealedOf(opened.values)).toEqual(sealedOf(original.values));
      } catch (error) {
        if (!(error instanceof HeadwaterError)) throw error;
        outcomes.add(error.code);
        const { message, hint, details, cause } = error;
        expect(JSON.stringify([message, hint, details, String(cause)])).not.toContain(canary);
      }
    }),
    { numRuns: 1500 },
  );
  expect([...outcomes]).toEqual(
    expect.arrayContaining(['opened', 'HW_JSON_SYNTAX', 'HW_SECRETS_TAMPERED', 'HW_SECRETS_VALUE']),
  );
});

const sealedOf = (values: ReadonlyMap<string, string>) =>
  [...values].filter(([pointer]) => pointer.startsWith('/db/'));
