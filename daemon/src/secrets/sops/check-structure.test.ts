import { armor, Encrypter } from 'age-encryption';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkSopsStructure, maxStructureProblems, type SopsPolicy } from './check-structure.ts';
import { encryptSops } from './encrypt-sops.ts';
import type { OrderedObject } from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { parseSopsFile } from './parse-sops-file.ts';
import { defaultRule } from './selection-rule.ts';
import { recipients } from './testing.ts';

const now = new Date('2026-11-22T08:00:00Z');
const { A, B, C } = recipients;
const policy: SopsPolicy = { recipients: [A, B], rule: defaultRule };
const tree = (json: unknown) => parseOrderedJson(Buffer.from(JSON.stringify(json))) as OrderedObject;

interface Document {
  [key: string]: unknown;
  sops: Record<string, unknown> & { age: { recipient: string; enc: string }[] };
}

let good: Uint8Array;
beforeAll(async () => {
  good = await encryptSops(
    tree({ db: { password: 'hunter2' }, list: ['hunter3', { key: 'hunter4' }] }),
    [A, B],
    { now },
  );
});

/** Problems of the good file after somebody changed it, as "code pointer". */
function problemsOf(change: (document: Document) => unknown, under: SopsPolicy = policy): string[] {
  const document = JSON.parse(Buffer.from(good).toString()) as Document;
  change(document);
  const problems = checkSopsStructure(Buffer.from(JSON.stringify(document)), under);
  expect(JSON.stringify(problems)).not.toContain('hunter');
  for (const { message, hint } of problems) expect([message, hint]).not.toContain('');
  return problems.map(({ code, pointer }) => `${code} ${pointer}`);
}

test('a file as its path wants it has no problem, parsed or not', () => {
  expect(checkSopsStructure(good, policy)).toEqual([]);
  expect(checkSopsStructure(parseSopsFile(good), { ...policy, recipients: [B, A] })).toEqual([]);
});

describe('values', () => {
  const sealed = () => (JSON.parse(Buffer.from(good).toString()) as { db: { password: string } }).db.password;

  test.each<[string, unknown, string]>([
    ['plain text', 'hunter2', 'HW_SECRETS_PLAINTEXT /x'],
    ['a number', 7, 'HW_SECRETS_PLAINTEXT /x'],
    ['true', true, 'HW_SECRETS_PLAINTEXT /x'],
    ['null', null, 'HW_SECRETS_NOT_STRING /x'],
    ['nothing', '', 'HW_SECRETS_NOT_STRING /x'],
    ['plain text in a list', [{ y: 'hunter2' }], 'HW_SECRETS_PLAINTEXT /x/0/y'],
  ])('%s', (_, value, problem) => {
    expect(problemsOf((document) => Object.assign(document, { x: value }))).toEqual([problem]);
  });

  test.each<[string, (text: string) => string, string]>([
    ['another type', (text) => text.replace('type:str', 'type:int'), 'HW_SECRETS_NOT_STRING /x'],
    ['an unknown type', (text) => text.replace('type:str', 'type:bytes'), 'HW_SECRETS_VALUE /x'],
    ['a short iv', (text) => text.replace(/iv:[^,]*/, 'iv:AAAAAAAAAAAAAAAA'), 'HW_SECRETS_VALUE /x'],
    ['a short tag', (text) => text.replace(/tag:[^,]*/, 'tag:AAAA'), 'HW_SECRETS_VALUE /x'],
    ['no data', (text) => text.replace(/data:[^,]*/, 'data:'), 'HW_SECRETS_VALUE /x'],
    ['something behind it', (text) => `${text}hunter2`, 'HW_SECRETS_VALUE /x'],
  ])('with %s', (_, change, problem) => {
    expect(problemsOf((document) => Object.assign(document, { x: change(sealed()) }))).toEqual([problem]);
  });

  test('that the rule leaves plain are allowed only where the policy says so', () => {
    const change = (document: Document) => Object.assign(document, { note_unencrypted: 'x' });
    expect(problemsOf(change)).toEqual(['HW_SECRETS_PLAINTEXT /note_unencrypted']);
    expect(problemsOf(change, { ...policy, allowPlain: true })).toEqual([]);
  });

  test('beyond the first twenty problems are not listed', () => {
    const change = (document: Document) =>
      Object.assign(document, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'x'])));
    expect(problemsOf(change)).toHaveLength(maxStructureProblems);
  });
});

describe('keys', () => {
  test.each([
    ['a:b', 'HW_SECRETS_KEY_NAME /a:b'],
    ['constructor', 'HW_JSON_FORBIDDEN_KEY /constructor'],
  ])('%s', (key, problem) => {
    expect(problemsOf((document) => Object.assign(document, { [key]: document.db }))).toEqual([problem]);
  });

  test('__proto__', () => {
    const text = Buffer.from(good).toString().replace('"db"', '"__proto__"');
    expect(checkSopsStructure(Buffer.from(text), policy)).toMatchObject([
      { code: 'HW_JSON_FORBIDDEN_KEY', pointer: '/__proto__' },
    ]);
  });
});

describe('the selection rule is the policy, never the claim of the file', () => {
  test('another rule', () => {
    const change = ({ sops }: Document) => {
      delete sops.unencrypted_suffix;
      sops.unencrypted_regex = '.*';
    };
    expect(problemsOf(change)).toEqual(['HW_SECRETS_RULE /sops/unencrypted_regex']);
    const all: SopsPolicy = { ...policy, rule: { kind: 'unencrypted_regex', text: '.*' } };
    // The policy itself says that all is plain: then encrypted values have no place there.
    expect(problemsOf(change, all).every((problem) => problem.startsWith('HW_SECRETS_PLAINTEXT'))).toBe(true);
  });

  test('a plain value under a lenient rule is judged by the policy', () => {
    const change = (document: Document) => {
      document.sops.unencrypted_suffix = '_open';
      document.password_open = 'hunter2';
    };
    expect(problemsOf(change)).toEqual([
      'HW_SECRETS_RULE /sops/unencrypted_suffix',
      'HW_SECRETS_PLAINTEXT /password_open',
    ]);
  });

  test('a MAC that covers less than expected', () => {
    const change = ({ sops }: Document) => {
      sops.mac_only_encrypted = true;
    };
    expect(problemsOf(change)).toEqual(['HW_SECRETS_RULE /sops/mac_only_encrypted']);
    expect(problemsOf(change, { ...policy, macOnlyEncrypted: true })).toEqual([]);
  });
});

describe('who can open it', () => {
  test('somebody more, somebody less, somebody twice', () => {
    expect(problemsOf(() => {}, { ...policy, recipients: [A] })).toEqual([
      'HW_SECRETS_RECIPIENTS /sops/age/1',
    ]);
    expect(problemsOf(() => {}, { ...policy, recipients: [A, B, C] })).toEqual([
      'HW_SECRETS_RECIPIENTS /sops/age',
    ]);
    expect(problemsOf(({ sops }) => sops.age.push(sops.age[0] as never))).toEqual([
      'HW_SECRETS_RECIPIENTS /sops/age/2',
    ]);
  });

  test('keys of another kind', () => {
    const change = ({ sops }: Document) => {
      sops.pgp = [{ fp: 'x', enc: 'x', created_at: 'x' }];
      sops.age.push({ recipient: 'ssh-ed25519 AAAA', enc: sops.age[0]?.enc ?? '' });
    };
    expect(problemsOf(change)).toEqual([
      'HW_SECRETS_RECIPIENTS /sops/pgp',
      'HW_SECRETS_RECIPIENTS /sops/age/2',
    ]);
  });

  test('a stranger hidden behind a known name', async () => {
    const encrypter = new Encrypter();
    for (const recipient of [A, C]) encrypter.addRecipient(recipient);
    const enc = armor.encode(await encrypter.encrypt(new Uint8Array(32)));
    expect(problemsOf(({ sops }) => Object.assign(sops.age[0] as object, { enc }))).toEqual([
      'HW_SECRETS_RECIPIENTS /sops/age/0/enc',
    ]);
  });

  test('a passphrase, or a stanza that is cut off', async () => {
    const encrypter = new Encrypter();
    encrypter.setScryptWorkFactor(1);
    encrypter.setPassphrase('hunter2');
    const enc = armor.encode(await encrypter.encrypt(new Uint8Array(32)));
    expect(problemsOf(({ sops }) => Object.assign(sops.age[0] as object, { enc }))).toEqual([
      'HW_AGE_PASSPHRASE /sops/age/0/enc',
    ]);
    const cut = ({ sops }: Document) =>
      Object.assign(sops.age[0] as object, { enc: sops.age[0]?.enc.slice(0, -40) });
    expect(problemsOf(cut)).toEqual(['HW_AGE_FILE /sops/age/0/enc']);
  });
});

describe('metadata', () => {
  test.each<[string, (sops: Document['sops']) => unknown, string]>([
    ['without mac', (sops) => delete sops.mac, 'HW_SECRETS_METADATA /sops/mac'],
    ['without lastmodified', (sops) => delete sops.lastmodified, 'HW_SECRETS_METADATA /sops/lastmodified'],
    ['without version', (sops) => delete sops.version, 'HW_SECRETS_METADATA /sops/version'],
    ['without keys', (sops) => Object.assign(sops, { age: null }), 'HW_SECRETS_METADATA /sops/age'],
    [
      'a version that is none',
      (sops) => Object.assign(sops, { version: 'latest' }),
      'HW_SECRETS_METADATA /sops/version',
    ],
    [
      'a time that is none',
      (sops) => Object.assign(sops, { lastmodified: 'now' }),
      'HW_SECRETS_METADATA /sops/lastmodified',
    ],
    ['a mac in plain text', (sops) => Object.assign(sops, { mac: 'ABC' }), 'HW_SECRETS_METADATA /sops/mac'],
    ['two rules', (sops) => Object.assign(sops, { encrypted_regex: 'x' }), 'HW_SECRETS_METADATA /sops'],
    [
      '65 keys',
      (sops) => Object.assign(sops, { age: Array(65).fill(sops.age[0]) }),
      'HW_SECRETS_METADATA /sops',
    ],
    [
      'a stanza without enc',
      (sops) => Object.assign(sops, { age: [{ recipient: A }] }),
      'HW_SECRETS_METADATA /sops/age/0/enc',
    ],
    ['age that is no list', (sops) => Object.assign(sops, { age: 'x' }), 'HW_SECRETS_METADATA /sops/age'],
    [
      'a rule by comments',
      (sops) => Object.assign(sops, { encrypted_comment_regex: 'x' }),
      'HW_SECRETS_UNSUPPORTED /sops/encrypted_comment_regex',
    ],
    [
      'key groups',
      (sops) => Object.assign(sops, { key_groups: [{}] }),
      'HW_SECRETS_UNSUPPORTED /sops/key_groups',
    ],
  ])('%s', (_, change, problem) => {
    expect(problemsOf(({ sops }) => change(sops))).toEqual([problem]);
  });

  test('none at all, or no object', () => {
    expect(checkSopsStructure(Buffer.from('{"password":"hunter2"}'), policy)).toMatchObject([
      { code: 'HW_SECRETS_NOT_SOPS', pointer: '' },
    ]);
    expect(checkSopsStructure(Buffer.from('{"sops":[]}'), policy)).toMatchObject([
      { code: 'HW_SECRETS_METADATA', pointer: '/sops' },
    ]);
    expect(checkSopsStructure(Buffer.from('[]'), policy)).toMatchObject([{ code: 'HW_JSON_NOT_OBJECT' }]);
    expect(checkSopsStructure(Buffer.from('{"a":1,"a":2}'), policy)).toMatchObject([
      { code: 'HW_JSON_DUPLICATE_KEY', pointer: '/a' },
    ]);
  });
});
