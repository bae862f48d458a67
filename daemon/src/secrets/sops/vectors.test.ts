/** What SOPS itself wrote, what was done to such files, and what Headwater makes of each. `vectors/README.md` says where they come from. */
import { createHash } from 'node:crypto';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { armor } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { openAge } from '../age/open-age.ts';
import { checkSopsStructure, type SopsPolicy } from './check-structure.ts';
import { editSopsFile } from './edit-sops-file.ts';
import { encryptSops } from './encrypt-sops.ts';
import { type OpenedSops, openSopsFile } from './open-sops-file.ts';
import {
  isOrderedArray,
  isOrderedObject,
  NumberText,
  type OrderedObject,
  type OrderedValue,
} from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { parseSopsFile } from './parse-sops-file.ts';
import { printSopsFile } from './print-sops-file.ts';
import { rotateDataKey } from './recipients.ts';
import { sealText } from './sealed-value.ts';
import { defaultRule } from './selection-rule.ts';
import { setValues } from './set-values.ts';
import { identities, readVector, recipients, type Vector, vectors } from './testing.ts';
import { writeSopsFile } from './write-sops-file.ts';

const now = new Date('2026-11-22T08:00:00.5Z');
const policy: SopsPolicy = { recipients: [recipients.A], rule: defaultRule };

const open = (name: string): Promise<OpenedSops> =>
  openSopsFile(parseSopsFile(readVector(name)), { identities: identities('A') });

const codeOf = (run: Promise<unknown> | (() => unknown)): Promise<string> =>
  (typeof run === 'function' ? Promise.resolve().then(run) : run).then(
    () => 'opened',
    (error) => (isHeadwaterError(error) ? error.code : String(error)),
  );

const problemsOf = (name: string): string[] =>
  checkSopsStructure(readVector(name), policy).map(({ code, pointer }) => `${code} ${pointer}`);

/** Keys in order, numbers by value: 1.0 is 1. */
function comparable(value: OrderedValue): unknown {
  if (value instanceof NumberText) return Number(value.text);
  if (isOrderedArray(value)) return value.map(comparable);
  return isOrderedObject(value) ? [...value].map(([key, child]) => [key, comparable(child)]) : value;
}

const readable = vectors.filter((vector): vector is Vector & { plain: string } => vector.expect === 'ok');

describe('files of SOPS', () => {
  test.each(readable)('$file opens', async ({ file, plain }) => {
    using opened = await open(file);
    expect(comparable(opened.tree)).toEqual(comparable(parseOrderedJson(readVector(plain))));
    expect(opened.dataKey).toHaveLength(32);
  });

  test.each(readable)('$file, saved without a change, stays as it is', async ({ file }) => {
    using opened = await open(file);
    expect(editSopsFile(opened, opened.tree, { now })).toBe(opened.file.bytes);
  });

  test.each(readable)(
    '$file opens again after an edit, with every other value left as it was',
    async ({ file }) => {
      using opened = await open(file);
      const next = new Map([...opened.tree, ['added by the test', 'x']]) as OrderedObject;
      const edited = parseSopsFile(editSopsFile(opened, next, { now }));
      using again = await openSopsFile(edited, { identities: identities('A') });
      expect(comparable(again.tree)).toEqual(comparable(next));
      const kept = new Map(edited.tree);
      kept.delete('added by the test');
      expect(kept).toEqual(opened.file.tree);
    },
  );

  test('the reference of the vectors wrote its file as Headwater does, but for what is random', async () => {
    const reference = Buffer.from(readVector('tamper-base.json')).toString();
    using opened = await open('tamper-base.json');
    const { dataKey, file, leaves } = opened;
    const at = { now: new Date(file.metadata.lastModified) };
    const ours = Buffer.from(
      writeSopsFile(opened.tree, file.metadata, { dataKey, reuse: leaves }, at),
    ).toString();
    const withoutMac = (text: string) => text.replace(/"mac": ".*"/, '');
    expect(withoutMac(ours)).toBe(withoutMac(reference));
    expect(ours).not.toBe(reference);
  });

  test('a file of several rules is written anew under each rule and opens', async () => {
    const plain = parseOrderedJson(readVector('rules.plain.json')) as OrderedObject;
    for (const name of ['encrypted_regex', 'unencrypted_regex', 'encrypted_suffix', 'mac_only_encrypted']) {
      const theirs = parseSopsFile(readVector(`rule-${name}.by-sops-3.9.4.json`));
      const { rule, macOnlyEncrypted } = theirs.metadata;
      const bytes = await encryptSops(plain, [recipients.A], { now, rule, macOnlyEncrypted });
      const ours = parseSopsFile(bytes);
      expect(shape(ours.tree)).toEqual(shape(theirs.tree));
      using opened = await openSopsFile(ours, { identities: identities('A') });
      expect(comparable(opened.tree)).toEqual(comparable(plain));
    }
  });

  test('a file that is indented by spaces stays so', async () => {
    const spaced = Buffer.from(readVector('tamper-base.json')).toString().replaceAll('\t', '  ');
    using opened = await openSopsFile(parseSopsFile(Buffer.from(spaced)), { identities: identities('A') });
    const next = setValues(opened.tree, new Map([['/db/user', 'new']]));
    const lines = Buffer.from(editSopsFile(opened, next, { now }))
      .toString()
      .split('\n');
    expect(lines.filter((line) => !spaced.split('\n').includes(line))).toHaveLength(3);
  });

  test('the data key of tamper-base can be changed', async () => {
    using opened = await open('tamper-base.json');
    const rotated = parseSopsFile(await rotateDataKey(opened, { now, recipients: [recipients.B] }));
    expect(await codeOf(openSopsFile(rotated, { identities: identities('A') }))).toBe(
      'HW_SECRETS_NO_IDENTITY',
    );
    expect(await codeOf(openSopsFile(rotated, { dataKey: opened.dataKey }))).toBe('HW_SECRETS_TAMPERED');
    using again = await openSopsFile(rotated, { identities: identities('B') });
    expect(comparable(again.tree)).toEqual(comparable(opened.tree));
  });
});

/** Which values are encrypted. */
function shape(value: OrderedValue): unknown {
  if (isOrderedArray(value)) return value.map(shape);
  if (isOrderedObject(value)) return [...value].map(([key, child]) => [key, shape(child)]);
  return typeof value === 'string' && value.startsWith('ENC[') ? 'encrypted' : comparable(value);
}

describe('files that were tampered with', () => {
  const refused: Readonly<Record<string, string>> = {
    'tamper-swap-two-values.json': 'HW_SECRETS_TAMPERED',
    'tamper-value-blanked.json': 'HW_SECRETS_TAMPERED',
    'tamper-unencrypted-value-changed.json': 'HW_SECRETS_TAMPERED',
    'tamper-lastmodified-changed.json': 'HW_SECRETS_TAMPERED',
    'tamper-mac-removed.json': 'HW_SECRETS_METADATA',
    'tamper-mac-empty.json': 'HW_SECRETS_METADATA',
    'tamper-plaintext-string-in-secret-slot.json': 'HW_SECRETS_PLAINTEXT',
    'tamper-metadata-claims-all-unencrypted.json': 'HW_SECRETS_RULE',
  };

  test.each(Object.entries(refused))('%s is refused: %s', async (name, code) => {
    expect(await codeOf(() => open(name))).toBe(code);
  });

  test('what a rule claims is judged before any key is used', async () => {
    for (const name of [
      'tamper-metadata-claims-all-unencrypted.json',
      'policy-all-plaintext.by-sops-3.9.4.json',
    ]) {
      const file = parseSopsFile(readVector(name));
      const keys = {
        get identities(): never {
          throw new Error('a key was asked for');
        },
      };
      expect(await codeOf(openSopsFile(file, keys))).toMatch(/^HW_SECRETS_(RULE|PLAINTEXT)$/);
      expect(problemsOf(name)).toContain('HW_SECRETS_RULE /sops/unencrypted_regex');
    }
    expect(problemsOf('policy-all-plaintext.by-sops-3.9.4.json')).toContain(
      'HW_SECRETS_PLAINTEXT /db/password',
    );
  });

  test('key groups are refused with a reason', async () => {
    expect(await codeOf(() => open('shamir-key-groups.by-sops-3.9.4.json'))).toBe('HW_SECRETS_UNSUPPORTED');
    expect(() => parseSopsFile(readVector('shamir-key-groups.by-sops-3.9.4.json'))).toThrow(/Shamir/);
  });

  test('every tampered vector has its verdict here', () => {
    const judged = new Set([...Object.keys(refused), ...Object.keys(gaps), ...elsewhere]);
    const open = vectors.filter(({ file, expect: verdict }) => verdict !== 'ok' && !judged.has(file));
    expect(open).toEqual([]);
  });
});

const elsewhere = [
  'shamir-key-groups.by-sops-3.9.4.json',
  'policy-all-plaintext.by-sops-3.9.4.json',
  'version-split-unencrypted-int64.json',
  'delivery-bundle.two-stanzas.age',
];

/** Edits that SOPS accepts, MAC and all, and what the check of the structure says of each. */
const gaps: Readonly<Record<string, readonly string[]>> = {
  // The label alone says nothing; that the file has values that are no plain secrets does.
  'tamper-gap-type-relabel.json': ['HW_SECRETS_NOT_STRING /db/none'],
  'tamper-gap-null-key-added.json': ['HW_SECRETS_NOT_STRING /db/zz'],
  'tamper-gap-empty-key-removed.json': ['HW_SECRETS_NOT_STRING /db/none'],
  'tamper-gap-boundary-shift.json': [
    'HW_SECRETS_PLAINTEXT /p_unencrypted',
    'HW_SECRETS_PLAINTEXT /q_unencrypted',
  ],
  'tamper-gap-unencrypted-key-renamed.json': ['HW_SECRETS_PLAINTEXT /r_unencrypted'],
  'tamper-gap-colon-move.json': ['HW_SECRETS_PLAINTEXT /n_unencrypted'],
};

describe('what the MAC of SOPS does not cover', () => {
  test.each(Object.entries(gaps))(
    '%s opens, as in SOPS, and the structure check holds it back',
    async (name, found) => {
      expect(await codeOf(() => open(name))).toBe('opened');
      for (const problem of found) expect(problemsOf(name)).toContain(problem);
    },
  );

  test('an empty value cannot be removed unnoticed, for it may not be there', () => {
    expect(problemsOf('tamper-base.json')).toContain('HW_SECRETS_NOT_STRING /db/e');
  });

  test('a value cannot be moved along a colon, for no key may have one', () => {
    expect(problemsOf('tamper-base.json')).toContain('HW_SECRETS_KEY_NAME /a:b');
  });

  test('a number cannot become a text, for it may not be there', () => {
    expect(problemsOf('tamper-base.json')).toContain('HW_SECRETS_NOT_STRING /db/port');
  });
});

describe('other vectors', () => {
  test('a whole number beyond 2^53 is read and never written', async () => {
    using opened = await open('version-split-unencrypted-int64.json');
    expect(opened.tree).toEqual(new Map([['a_unencrypted', new NumberText('9007199254740993')]]));
    const next = new Map([...opened.tree, ['b', 'x']]) as OrderedObject;
    expect(await codeOf(() => editSopsFile(opened, next, { now }))).toBe('HW_SECRETS_NUMBER');
    for (const token of ['9007199254740993', '-0']) {
      const values = new Map([['n', new NumberText(token)]]);
      expect(await codeOf(encryptSops(values, [recipients.A], { now }))).toBe('HW_SECRETS_NUMBER');
    }
  });

  test.each([
    ['9007199254740993', '9007199254740992'],
    ['-0', '-0'],
  ])('the number %s is read as SOPS up to 3.13.1 hashed it', async (token, hashed) => {
    using opened = await open('version-split-unencrypted-int64.json');
    const { metadata } = opened.file;
    const plain = new Map<string, OrderedValue>([
      ['a_unencrypted', new NumberText(token)],
      ['b_unencrypted', 'x'],
    ]);
    const made = (digest: string) => {
      const mac = sealText('str', digest.toUpperCase(), metadata.lastModified, opened.dataKey);
      return openSopsFile(parseSopsFile(printSopsFile(plain, { ...metadata, mac }, '\t')), {
        dataKey: opened.dataKey,
      });
    };
    const digest = (text: string) => createHash('sha512').update(text).digest('hex');
    expect((await made(digest(`${hashed}x`))).tree).toEqual(plain);
    expect(await codeOf(made(digest(`${hashed}1x`)))).toBe('HW_SECRETS_TAMPERED');
  });

  test('what could not be read again is never written', async () => {
    using opened = await open('tamper-base.json');
    const sealed = opened.leaves[0]?.sealed as string;
    const next = setValues(opened.tree, new Map([['/n_unencrypted', sealed]]));
    expect(await codeOf(() => editSopsFile(opened, next, { now }))).toBe('HW_SECRETS_VALUE');
    expect(await codeOf(() => editSopsFile(opened, new Map([['sops', 'x']]), { now }))).toBe(
      'HW_SECRETS_KEY_NAME',
    );
  });

  test.each(['A', 'B'] as const)('the delivery bundle opens for %s', async (name) => {
    const armored = armor.encode(readVector('delivery-bundle.two-stanzas.age'));
    const opened = await openAge(armored, identities(name), 4096);
    expect(JSON.parse(Buffer.from(opened as Uint8Array).toString())).toBeTypeOf('object');
    expect(await openAge(armored, identities('C'), 4096)).toBeNull();
  });
});
