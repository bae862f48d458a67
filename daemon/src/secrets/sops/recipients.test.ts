import { isHeadwaterError } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { sealNow } from '../age/seal.ts';
import { dataKeyTag, type SopsKeys } from './data-key.ts';
import { createDataKeyCache } from './data-key-cache.ts';
import { editSopsFile } from './edit-sops-file.ts';
import { encryptSops } from './encrypt-sops.ts';
import { openSopsFile } from './open-sops-file.ts';
import { parseSopsFile, type SopsFile } from './parse-sops-file.ts';
import { rotateDataKey, setSopsRecipients } from './recipients.ts';
import { setValues, treeOf } from './set-values.ts';
import { identities, recipients } from './testing.ts';

const now = new Date('2026-11-22T08:00:00Z');
const later = new Date('2026-11-22T09:00:00Z');
const { A, B, C } = recipients;

const make = async (...names: readonly string[]): Promise<SopsFile> =>
  parseSopsFile(await encryptSops(treeOf(new Map([['/db/password', 'hunter2']])), names, { now }));
const open = (file: SopsFile, ...names: ('A' | 'B' | 'C')[]) =>
  openSopsFile(file, { identities: identities(...names) });
const namesOf = (file: SopsFile) => file.metadata.age.map(({ recipient }) => recipient);
const codeOf = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => 'accepted',
      (error) => (isHeadwaterError(error) ? error.code : String(error)),
    );

describe('who can open a file', () => {
  test('every recipient alone, and nobody else', async () => {
    const file = await make(A, B);
    for (const name of ['A', 'B'] as const) {
      using opened = await open(file, name);
      expect(opened.values).toEqual(new Map([['/db/password', 'hunter2']]));
    }
    expect(await codeOf(() => open(file, 'C'))).toBe('HW_SECRETS_NO_IDENTITY');
    expect(await codeOf(() => open(file))).toBe('HW_SECRETS_NO_IDENTITY');
  });

  test('an identity opens its stanza whatever recipient the file claims for it', async () => {
    const file = await make(A);
    const age = file.metadata.age.map((stanza) => ({ ...stanza, recipient: B }));
    using opened = await open({ ...file, metadata: { ...file.metadata, age } }, 'A', 'B');
    expect(opened.values.size).toBe(1);
  });

  test('a broken stanza stops its own recipient only', async () => {
    const file = await make(A, B);
    const age = file.metadata.age.map((stanza) =>
      stanza.recipient === A ? { ...stanza, enc: 'cut off' } : stanza,
    );
    const broken = { ...file, metadata: { ...file.metadata, age } };
    expect(await codeOf(() => open(broken, 'B'))).toBe('accepted');
    expect(await codeOf(() => open(broken, 'A'))).toBe('HW_AGE_FILE');
    expect(await codeOf(() => open(broken, 'C'))).toBe('HW_SECRETS_NO_IDENTITY');
  });

  test('nobody, or somebody who is no public key, cannot be asked for', async () => {
    expect(await codeOf(() => make())).toBe('HW_KEY_INVALID');
    expect(await codeOf(() => make(A, 'ssh-ed25519 AAAA'))).toBe('HW_KEY_INVALID');
    using opened = await open(await make(A), 'A');
    expect(await codeOf(() => setSopsRecipients(opened, []))).toBe('HW_KEY_INVALID');
    expect(await codeOf(() => rotateDataKey(opened, { now, recipients: [] }))).toBe('HW_KEY_INVALID');
  });
});

describe('changing recipients', () => {
  test('keeps data key, values, MAC and the stanzas that stay', async () => {
    const file = await make(A, B);
    using opened = await open(file, 'A');
    const changed = parseSopsFile(await setSopsRecipients(opened, [C, A]));
    expect(namesOf(changed)).toEqual([A, C]);
    expect(changed.metadata.age[0]).toEqual(file.metadata.age[0]);
    expect(changed.tree).toEqual(file.tree);
    expect(changed.metadata).toMatchObject({
      mac: file.metadata.mac,
      lastModified: file.metadata.lastModified,
    });
    using byC = await open(changed, 'C');
    expect(Buffer.from(byC.dataKey).equals(opened.dataKey)).toBe(true);
    expect(await codeOf(() => open(changed, 'B'))).toBe('HW_SECRETS_NO_IDENTITY');
  });

  test('to the same ones changes nothing', async () => {
    using opened = await open(await make(A, B), 'A');
    expect(await setSopsRecipients(opened, [B, A, B])).toBe(opened.file.bytes);
  });
});

describe('rotating the data key', () => {
  test('leaves nothing that the old one opens', async () => {
    using opened = await open(await make(A, B), 'A');
    const rotated = parseSopsFile(await rotateDataKey(opened, { now: later, recipients: [A] }));
    expect(namesOf(rotated)).toEqual([A]);
    expect(rotated.metadata.lastModified).toBe('2026-11-22T09:00:00Z');
    expect(await codeOf(() => openSopsFile(rotated, { dataKey: opened.dataKey }))).toBe(
      'HW_SECRETS_TAMPERED',
    );
    using again = await open(rotated, 'A');
    expect(again.values).toEqual(opened.values);
    const before = Buffer.from(opened.file.bytes).toString();
    for (const value of Buffer.from(rotated.bytes)
      .toString()
      .match(/ENC\[[^\]]*\]/g) ?? [])
      expect(before).not.toContain(value);
  });

  test('for the recipients it has, when none are given', async () => {
    using opened = await open(await make(A, B), 'B');
    expect(namesOf(parseSopsFile(await rotateDataKey(opened, { now: later })))).toEqual([A, B]);
  });
});

describe('keys that Headwater cannot wrap for', () => {
  const pgp = { created_at: '2026-01-01T00:00:00Z', enc: '-----BEGIN PGP MESSAGE-----\n…', fp: '0123' };
  const withForeign = async (): Promise<SopsFile> => {
    const document = JSON.parse(Buffer.from((await make(A)).bytes).toString());
    Object.assign(document.sops, {
      pgp: [pgp],
      kms: null,
      new_cloud: [{ zz: 1.5, enc: 'x' }],
      note: 'gone with the next save',
    });
    return parseSopsFile(Buffer.from(JSON.stringify(document)));
  };

  test('stay word by word through an edit and a change of recipients', async () => {
    using opened = await open(await withForeign(), 'A');
    const next = setValues(opened.tree, new Map([['/db/password', 'new']]));
    for (const bytes of [editSopsFile(opened, next, { now }), await setSopsRecipients(opened, [A, B])]) {
      const { sops } = JSON.parse(Buffer.from(bytes).toString());
      expect(sops).toMatchObject({ pgp: [pgp], new_cloud: [{ zz: 1.5, enc: 'x' }], version: '3.13.2' });
      expect(sops).not.toHaveProperty('note');
      expect(Object.keys(sops)).toEqual([...Object.keys(sops)].sort());
    }
  });

  test('make a rotation impossible, and it says why', async () => {
    using opened = await open(await withForeign(), 'A');
    const error = await rotateDataKey(opened, { now }).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'HW_SECRETS_FOREIGN_KEYS',
      details: { kinds: ['pgp', 'new_cloud'] },
    });
  });

  test('are also age keys of another kind', async () => {
    const file = await make(A);
    const age = [...file.metadata.age, { recipient: 'ssh-ed25519 AAAA', enc: 'x' }];
    using opened = await open({ ...file, metadata: { ...file.metadata, age } }, 'A');
    expect(await codeOf(() => rotateDataKey(opened, { now }))).toBe('HW_SECRETS_FOREIGN_KEYS');
    const next = setValues(opened.tree, new Map([['/db/password', 'new']]));
    expect(namesOf(parseSopsFile(editSopsFile(opened, next, { now })))).toEqual([A, 'ssh-ed25519 AAAA']);
  });
});

describe('data keys', () => {
  test('are zeroed when the file is put away, and when it does not open', async () => {
    const file = await make(A);
    const opened = await open(file, 'A');
    const { dataKey } = opened;
    expect(dataKey.some((byte) => byte !== 0)).toBe(true);
    opened[Symbol.dispose]();
    expect(dataKey).toEqual(Buffer.alloc(32));
    expect(() => opened.dataKey).toThrow(/put away/);
    expect(() => editSopsFile(opened, treeOf(new Map([['/x', 'y']])), { now })).toThrow(/put away/);
    expect(await codeOf(() => setSopsRecipients(opened, [B]))).toMatch(/put away/);
  });

  test('are never replaced by zeroes, even when the file is put away while stanzas are being made', async () => {
    const changed = await openSopsFile(await make(A), { identities: identities('A') }).then((opened) => {
      using _ = opened;
      return setSopsRecipients(opened, [A, B]);
    });
    expect(await codeOf(() => open(parseSopsFile(changed), 'B'))).toBe('accepted');
  });

  test('of another length are refused', async () => {
    const file = await make(A);
    const age = [{ recipient: A, enc: await sealNow([A], new Uint8Array(16)) }];
    const error = await open({ ...file, metadata: { ...file.metadata, age } }, 'A').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'HW_AGE_FILE', message: expect.stringContaining('16 bytes') });
  });

  test('are remembered for those who could unwrap them, and for nobody else', async () => {
    const cache = createDataKeyCache();
    const file = await make(A);
    const first = await openSopsFile(file, { identities: identities('A'), cache });
    const copy = Buffer.from(first.dataKey);
    first[Symbol.dispose]();
    // With its stanza broken, only the cache can open it; the stanza's bytes are part of what is remembered.
    const [remembered] = [cache.get([A], file.metadata.age)];
    expect(remembered?.equals(copy)).toBe(true);
    expect(cache.get([B], file.metadata.age)).toBeUndefined();
    expect(cache.get([A], [{ recipient: A, enc: 'other' }])).toBeUndefined();
    remembered?.fill(0);
    expect(cache.get([A], file.metadata.age)?.equals(copy)).toBe(true);
    expect(await codeOf(() => openSopsFile(file, { identities: identities('B'), cache }))).toBe(
      'HW_SECRETS_NO_IDENTITY',
    );
    cache.clear();
    expect(cache.get([A], file.metadata.age)).toBeUndefined();
  });

  test('are taken from the cache without any age work', async () => {
    const cache = createDataKeyCache();
    const file = await make(A);
    const counted = { count: 0 };
    const [identity] = identities('A');
    const counting = {
      ...(identity as NonNullable<typeof identity>),
      unwrapFileKey(stanzas: Parameters<NonNullable<typeof identity>['unwrapFileKey']>[0]) {
        counted.count++;
        return (identity as NonNullable<typeof identity>).unwrapFileKey(stanzas);
      },
    };
    const keys: SopsKeys = { identities: [counting], cache };
    for (let i = 0; i < 3; i++) (await openSopsFile(file, keys))[Symbol.dispose]();
    expect(counted.count).toBe(1);
  });

  test('used longest ago are forgotten first', () => {
    const cache = createDataKeyCache(2);
    const stanza = (enc: string) => [{ recipient: A, enc }];
    for (const enc of ['1', '2']) cache.set([A], stanza(enc), Buffer.alloc(32, enc));
    cache.get([A], stanza('1'));
    cache.set([A], stanza('3'), Buffer.alloc(32, '3'));
    expect(['1', '2', '3'].map((enc) => cache.get([A], stanza(enc))?.toString()[0])).toEqual([
      '1',
      undefined,
      '3',
    ]);
  });

  test('have a tag that only the holder of the index key can make', () => {
    const key = Buffer.alloc(32, 1);
    const tag = dataKeyTag(key, Buffer.alloc(32, 2));
    expect(tag).toMatch(/^[0-9a-f]{64}$/);
    expect(dataKeyTag(Buffer.alloc(32, 1), Buffer.alloc(32, 2))).toBe(tag);
    expect(dataKeyTag(key, Buffer.alloc(32, 3))).not.toBe(tag);
    expect(dataKeyTag(Buffer.alloc(32, 4), Buffer.alloc(32, 2))).not.toBe(tag);
  });
});
