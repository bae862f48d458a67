import { isHeadwaterError } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editSopsFile } from './edit-sops-file.ts';
import { encryptSops } from './encrypt-sops.ts';
import { mergeSopsFiles } from './merge-sops-files.ts';
import { mergeTrees } from './merge-trees.ts';
import { openSopsFile } from './open-sops-file.ts';
import type { OrderedObject } from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { parseSopsFile, type SopsFile } from './parse-sops-file.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { rotateDataKey, setSopsRecipients } from './recipients.ts';
import { defaultRule } from './selection-rule.ts';
import { setValues, treeOf, type ValueChanges } from './set-values.ts';
import { identities, type KeyName, recipients } from './testing.ts';
import { writeSopsFile } from './write-sops-file.ts';

const [t0, t1, t2, t3] = ['08', '09', '10', '11'].map((hour) => new Date(`2026-11-22T${hour}:00:00Z`)) as [
  Date,
  Date,
  Date,
  Date,
];
const { A, B, C } = recipients;
const keys = { identities: identities('A') };

const start = new Map([
  ['/db/user', 'u'],
  ['/db/password', 'p'],
  ['/token', 't'],
]);
const make = async (values = start, names: readonly string[] = [A, B]) =>
  parseSopsFile(await encryptSops(treeOf(values), names, { now: t0 }));

type Change = ValueChanges | ((file: SopsFile, now: Date) => Promise<Uint8Array>);

async function changed(file: SopsFile, change: Change, now: Date): Promise<SopsFile> {
  if (typeof change === 'function') return parseSopsFile(await change(file, now));
  using opened = await openSopsFile(file, keys);
  return parseSopsFile(editSopsFile(opened, setValues(opened.tree, change), { now }));
}
const set = (...changes: [string, string | null][]): ValueChanges => new Map(changes);
const rotate =
  (...names: readonly string[]): Change =>
  async (file, now) => {
    using opened = await openSopsFile(file, keys);
    return rotateDataKey(opened, { now, recipients: names });
  };
const share =
  (...names: readonly string[]): Change =>
  async (file) => {
    using opened = await openSopsFile(file, keys);
    return setSopsRecipients(opened, names);
  };

async function merge(ours: Change, theirs: Change) {
  const base = await make();
  const [our, their] = [await changed(base, ours, t1), await changed(base, theirs, t2)];
  return { our, their, result: await mergeSopsFiles(base, our, their, keys, { now: t3 }) };
}

async function merged(ours: Change, theirs: Change, ...names: KeyName[]) {
  const { our, their, result } = await merge(ours, theirs);
  if (result.kind === 'conflict') throw new Error(JSON.stringify(result.conflicts));
  const file = parseSopsFile(result.bytes);
  using opened = await openSopsFile(file, names.length > 0 ? { identities: identities(...names) } : keys);
  return { our, their, file, values: Object.fromEntries(opened.values) };
}
const namesOf = (file: SopsFile) => file.metadata.age.map(({ recipient }) => recipient);

describe('two edits', () => {
  test('of different values are both there, and nothing else changed', async () => {
    const { our, their, file, values } = await merged(
      set(['/db/user', 'ours']),
      set(['/token', 'theirs'], ['/new', 'n']),
    );
    expect(values).toEqual({ '/db/user': 'ours', '/db/password': 'p', '/token': 'theirs', '/new': 'n' });
    const old = `${Buffer.from(our.bytes)}${Buffer.from(their.bytes)}`
      .split('\n')
      .map((line) => line.replace(/,$/, ''));
    const fresh = `${Buffer.from(file.bytes)}`
      .split('\n')
      .filter((line) => !old.includes(line.replace(/,$/, '')));
    expect(fresh.map((line) => line.trim().split(':')[0])).toEqual(['"lastmodified"', '"mac"']);
  });

  test('of the same value alike are no conflict', async () => {
    const { values } = await merged(set(['/token', 'same']), set(['/token', 'same'], ['/db/user', 'x']));
    expect(values).toMatchObject({ '/token': 'same', '/db/user': 'x' });
  });

  test('of the same value differently are a conflict, shown by pointers alone', async () => {
    const { result } = await merge(
      set(['/token', 'hunter1'], ['/db/user', null]),
      set(['/token', 'hunter2'], ['/db/user', 'hunter3']),
    );
    expect(result).toEqual({
      kind: 'conflict',
      conflicts: [
        { pointer: '/db/user', ours: 'removed', theirs: 'changed' },
        { pointer: '/token', ours: 'changed', theirs: 'changed' },
      ],
    });
    expect(JSON.stringify(result)).not.toContain('hunter');
  });

  test('that add the same key differently are a conflict', async () => {
    const { result } = await merge(set(['/new', '1']), set(['/new', '2']));
    expect(result).toEqual({
      kind: 'conflict',
      conflicts: [{ pointer: '/new', ours: 'added', theirs: 'added' }],
    });
  });

  test('with only one side changed, that side is taken byte for byte', async () => {
    const base = await make();
    const theirs = await changed(base, set(['/token', 'x']), t1);
    expect(await mergeSopsFiles(base, base, theirs, keys, { now: t3 })).toEqual({
      kind: 'merged',
      bytes: theirs.bytes,
    });
    expect(await mergeSopsFiles(base, theirs, base, keys, { now: t3 })).toEqual({
      kind: 'merged',
      bytes: theirs.bytes,
    });
  });

  test('without a common ancestor merge what they agree on', async () => {
    const [ours, theirs] = [await make(new Map([['/a', '1']])), await make(new Map([['/b', '2']]))];
    const result = await mergeSopsFiles(null, ours, theirs, keys, { now: t3 });
    if (result.kind === 'conflict') throw new Error('conflict');
    using opened = await openSopsFile(parseSopsFile(result.bytes), keys);
    expect(Object.fromEntries(opened.values)).toEqual({ '/a': '1', '/b': '2' });
  });
});

describe('recipients', () => {
  test('added on both sides are all there, with the stanzas that were', async () => {
    const { our, file, values } = await merged(share(A, B, C), set(['/token', 'x']), 'C');
    expect(namesOf(file)).toEqual([A, B, C]);
    expect(file.metadata.age).toEqual(our.metadata.age);
    expect(values['/token']).toBe('x');
  });

  test('removed on one side are gone', async () => {
    expect(namesOf((await merged(share(A), share(A, B, C))).file)).toEqual([A, C]);
    expect(namesOf((await merged(share(A, B, C), share(A))).file)).toEqual([A, C]);
  });

  test('removed with a rotation stay out, and the old data key opens nothing of the result', async () => {
    for (const [ours, theirs] of [
      [rotate(A), set(['/token', 'x'])],
      [set(['/token', 'x']), rotate(A)],
    ] as const) {
      const { our, their, file, values } = await merged(ours, theirs);
      expect(namesOf(file)).toEqual([A]);
      expect(values['/token']).toBe('x');
      for (const side of [our, their]) {
        if (namesOf(side).length === 1) continue;
        using old = await openSopsFile(side, keys);
        await expect(openSopsFile(file, { dataKey: old.dataKey })).rejects.toMatchObject({
          code: 'HW_SECRETS_TAMPERED',
        });
      }
    }
  });

  test('of two rotations, ours holds', async () => {
    const { our, file } = await merged(rotate(A, B), rotate(A, C), 'C');
    expect(namesOf(file)).toEqual([A, C]);
    using mine = await openSopsFile(our, keys);
    using result = await openSopsFile(file, keys);
    expect(Buffer.from(result.dataKey).equals(mine.dataKey)).toBe(true);
  });
});

describe('the rule', () => {
  const reruled =
    (text: string): Change =>
    async (file, now) => {
      using opened = await openSopsFile(file, keys);
      const settings = { ...file.metadata, rule: { kind: 'unencrypted_suffix', text } as const };
      return writeSopsFile(opened.tree, settings, { dataKey: opened.dataKey, reuse: opened.leaves }, { now });
    };

  test('changed on one side is taken', async () => {
    const { file, values } = await merged(set(['/token', 'x']), reruled('_plain'));
    expect(file.metadata.rule.text).toBe('_plain');
    expect(values['/token']).toBe('x');
  });

  test('changed on both sides is a conflict', async () => {
    const { result } = await merge(reruled('_plain'), reruled('_open'));
    expect(result).toEqual({
      kind: 'conflict',
      conflicts: [{ pointer: `/sops/${defaultRule.kind}`, ours: 'changed', theirs: 'changed' }],
    });
  });
});

describe('versions that cannot be opened', () => {
  test('without an identity the merge says so, and which side', async () => {
    const base = await make();
    const theirs = await changed(base, share(B), t1);
    const error = await mergeSopsFiles(base, base, theirs, keys, { now: t3 }).catch((thrown) => thrown);
    expect(isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY')).toBe(true);
    expect(error).toMatchObject({
      details: { side: 'theirs' },
      message: expect.stringContaining('of their side'),
    });
    await expect(mergeSopsFiles(base, base, base, { identities: [] }, { now: t3 })).rejects.toMatchObject({
      code: 'HW_SECRETS_NO_IDENTITY',
    });
  });

  test('a side that was tampered with is never merged', async () => {
    const base = await make();
    const text = Buffer.from(base.bytes).toString();
    const [user, password] = [...text.matchAll(/ENC\[[^\]]*\]/g)].map(([value]) => value) as [string, string];
    const swapped = parseSopsFile(
      Buffer.from(text.replace(user, '§').replace(password, user).replace('§', password)),
    );
    await expect(mergeSopsFiles(base, base, swapped, keys, { now: t3 })).rejects.toMatchObject({
      code: 'HW_SECRETS_TAMPERED',
      details: { side: 'theirs' },
    });
  });
});

test('edits of disjoint keys merge to both, in either direction, with keys in a sensible order', async () => {
  const changes = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'new1', 'new2'),
    fc.option(fc.constantFrom('1', '2', '3')),
    { maxKeys: 3 },
  );
  await fc.assert(
    fc.asyncProperty(changes, changes, async (left, right) => {
      const base = await make(
        new Map([
          ['/l-a', '0'],
          ['/l-b', '0'],
          ['/l-c', '0'],
          ['/r-a', '0'],
          ['/r-b', '0'],
          ['/r-c', '0'],
          ['/keep', 'x'],
        ]),
      );
      const ours = new Map(Object.entries(left).map(([key, value]) => [`/l-${key}`, value]));
      const theirs = new Map(Object.entries(right).map(([key, value]) => [`/r-${key}`, value]));
      const [our, their] = [await changed(base, ours, t1), await changed(base, theirs, t2)];
      const expected = await changed(our, theirs, t3);
      using wanted = await openSopsFile(expected, keys);
      for (const [one, two] of [
        [our, their],
        [their, our],
      ] as const) {
        const result = await mergeSopsFiles(base, one, two, keys, { now: t3 });
        if (result.kind === 'conflict') throw new Error(JSON.stringify(result.conflicts));
        using opened = await openSopsFile(parseSopsFile(result.bytes), keys);
        expect(new Map([...opened.values].sort())).toEqual(new Map([...wanted.values].sort()));
      }
    }),
    { numRuns: 15 },
  );
});

test('a key that they added comes after the key it follows there', () => {
  const tree = (text: string) => parseOrderedJson(Buffer.from(text)) as OrderedObject;
  const { tree: result } = mergeTrees(
    tree('{"a":"1","b":"2"}'),
    tree('{"a":"1","o":"3","b":"2"}'),
    tree('{"t":"0","a":"1","x":"4","y":"5","b":"2"}'),
  );
  expect([...(parseOrderedJson(Buffer.from(printOrderedJson(result))) as OrderedObject).keys()]).toEqual([
    't',
    'a',
    'x',
    'y',
    'o',
    'b',
  ]);
});
