import { beforeAll, describe, expect, test } from 'vitest';
import { makeTestKey, secretsFile, type TestKey } from '../testing/secrets-file.ts';
import { changeSecretsFile, replacing } from './change-secrets-file.ts';
import { openSopsFile } from './sops/open-sops-file.ts';
import { parseSopsFile } from './sops/parse-sops-file.ts';
import { defaultRule } from './sops/selection-rule.ts';

let ann: TestKey;
let bob: TestKey;
beforeAll(async () => {
  [ann, bob] = [await makeTestKey(), await makeTestKey()];
});

const now = new Date('2026-11-21T10:00:00Z');
const options = (key: TestKey | null = ann) => ({
  policy: { recipients: [ann.recipient], rule: defaultRule },
  keys: { identities: key === null ? [] : [key.identity] },
  now,
});
const values = async (bytes: Uint8Array | null) => {
  if (bytes === null) return null;
  using opened = await openSopsFile(parseSopsFile(bytes), { identities: [ann.identity] });
  return Object.fromEntries(opened.values);
};
const lines = (bytes: Uint8Array | null) =>
  Buffer.from(bytes ?? [])
    .toString()
    .split('\n');

test('a new file is made without any key, for whom the rule names', async () => {
  const { content, changed } = await changeSecretsFile(
    null,
    new Map([['/db/password', 's3cret']]),
    options(null),
  );
  expect(changed).toEqual(['/db/password']);
  expect(await values(content)).toEqual({ '/db/password': 's3cret' });
  expect(parseSopsFile(content as Uint8Array).metadata.age.map(({ recipient }) => recipient)).toEqual([
    ann.recipient,
  ]);
});

test('an edit changes the lines that it is about', async () => {
  const before = await secretsFile({ a: 'one', b: 'two' }, ann);
  const { content, changed } = await changeSecretsFile(
    before,
    new Map([
      ['/b', 'three'],
      ['/c', 'four'],
    ]),
    options(),
  );
  expect(changed).toEqual(['/b', '/c']);
  expect(await values(content)).toEqual({ '/a': 'one', '/b': 'three', '/c': 'four' });
  const kept = lines(content).filter((line) => lines(before).includes(line));
  expect(kept.some((line) => line.includes('"a": "ENC'))).toBe(true);
  expect(kept.some((line) => line.includes('"b": "ENC'))).toBe(false);
});

test('who sets what is there already learns nothing of it when blind, and changes nothing otherwise', async () => {
  const before = await secretsFile({ a: 'one', b: 'two', list: ['one'] }, ann);
  const same = new Map([['/a', 'one']]);
  expect(await changeSecretsFile(before, same, options())).toEqual({ content: before, changed: [] });
  const right = await changeSecretsFile(before, same, { ...options(), blind: true });
  const wrong = await changeSecretsFile(before, new Map([['/a', 'two']]), { ...options(), blind: true });
  expect(right.changed).toEqual(wrong.changed);
  const changedLines = (bytes: Uint8Array | null) =>
    lines(bytes)
      .map((line, i) => (line === lines(before)[i] ? '=' : '!'))
      .join('');
  expect(changedLines(right.content)).toBe(changedLines(wrong.content));
  expect(changedLines(right.content)).toContain('!');
  const inList = await changeSecretsFile(before, new Map([['/list/0', 'one']]), {
    ...options(),
    blind: true,
  });
  const list = (bytes: Uint8Array | null) =>
    lines(bytes).slice(lines(bytes).indexOf('\t"list": [')).slice(0, 2);
  expect(list(inList.content)).not.toEqual(list(before));
});

test('the last value that goes takes the file with it, and removing what is not there is nothing', async () => {
  const before = await secretsFile({ a: { b: 'one' } }, ann);
  expect(await changeSecretsFile(before, new Map([['/x', null]]), options())).toEqual({
    content: before,
    changed: [],
  });
  expect(await changeSecretsFile(before, new Map([['/a/b', null]]), options())).toEqual({
    content: null,
    changed: ['/a/b'],
  });
  expect(await changeSecretsFile(null, new Map([['/a/b', null]]), options())).toEqual({
    content: null,
    changed: [],
  });
});

describe('is refused without a word of the value', () => {
  const refused = async (
    before: Uint8Array | null,
    pointer: string,
    value: string,
    key: TestKey | null = ann,
  ) => {
    const error = await changeSecretsFile(before, new Map([[pointer, value]]), options(key)).catch((e) => e);
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toContain('canary');
    return error.code;
  };
  test('an empty value, one that is too large, a pointer through a value', async () => {
    expect(await refused(null, '/a', '')).toBe('HW_SECRETS_NOT_STRING');
    expect(await refused(null, '/a', 'canary'.repeat(40_000))).toBe('HW_SECRET_TOO_LARGE');
    expect(await refused(await secretsFile({ a: 'canary' }, ann), '/a/b', 'canary')).toBe('HW_USAGE');
  });
  test('a file of others, a file that somebody changed', async () => {
    expect(await refused(await secretsFile({ a: 'canary' }, bob), '/a', 'canary')).toBe(
      'HW_SECRETS_NO_IDENTITY',
    );
    const text = Buffer.from(await secretsFile({ a: 'canary', b: 'canary2' }, ann)).toString();
    const [a, b] = text.match(/ENC\[[^\]]*\]/g) as [string, string];
    const swapped = text.replace(a, '#').replace(b, a).replace('#', b);
    expect(await refused(Buffer.from(swapped), '/a', 'canary')).toBe('HW_SECRETS_TAMPERED');
  });
});

test('a whole new set of values takes away what is not in it', () => {
  const next = replacing(
    new Map([
      ['/a', '1'],
      ['/b', '2'],
    ]),
    new Map([
      ['/b', '3'],
      ['/c', '4'],
    ]),
  );
  expect([...next]).toEqual([
    ['/a', null],
    ['/b', '3'],
    ['/c', '4'],
  ]);
});
