import { createHash } from 'node:crypto';
import { HeadwaterError, type JsonObject } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Content, MemoryTree } from '../testing/memory-tree.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { makeTestKey, rulesFor, secretsFile, type TestKey } from '../testing/secrets-file.ts';
import type { Finding } from './finding.ts';
import { createJudge, type Judge } from './judge.ts';
import type { OpenSecrets } from './judge-opened.ts';
import { RepoIndex } from './repo-index.ts';

const canary = 'kN9-canary-that-must-not-show';
const secret = (more: JsonObject = {}): JsonObject => ({ type: 'string', 'x-hw': { secret: true }, ...more });
const schema: Content = {
  json: {
    type: 'object',
    properties: {
      token: secret({ $ref: '#/$defs/token' }),
      tls: { type: 'object', properties: { key: secret({ minLength: 4 }) } },
      mode: { type: 'string' },
    },
    required: ['token'],
    $defs: {
      token: { type: 'string', pattern: '^[A-Za-z0-9-]+$', maxLength: 40, enum: ['one', 'two', canary] },
    },
  },
};
const path = 'services/a/secrets.json';
const prodPath = 'services/a/secrets.prod.json';

let daemon: TestKey;
let ann: TestKey;
let service: TestKey;
let file: Uint8Array;
beforeAll(async () => {
  [daemon, ann, service] = [await makeTestKey(), await makeTestKey(), await makeTestKey()];
  file = await secretsFile({ token: 'one' }, daemon);
});

let tree: MemoryTree;
let index: RepoIndex;
let judge: Judge;
let openSecrets: OpenSecrets | undefined;
beforeEach(async () => {
  tree = new MemoryTree();
  index = await RepoIndex.create(tree.readBlob);
  openSecrets = undefined;
  const open: OpenSecrets = (...args) => openSecrets?.(...args) ?? Promise.resolve(new Map());
  const validator = createInlineSchemaValidator();
  judge = createJudge({ readBlob: tree.readBlob, validator, crypto: nodeCrypto, openSecrets: open });
  await put({
    'headwater.json': { json: { headwater: 1, deployment: 'tars', environments: ['dev', 'prod'] } },
    'schemas/a.schema.json': schema,
    'services/a/config.json': '{}',
    'services/a/recipients.txt': service.recipient,
    '.sops.yaml': rulesFor(daemon),
  });
});

async function put(files: Readonly<Record<string, Content | null>>) {
  return index.apply(tree.change(files));
}
async function verdict(env = 'prod', name = 'a') {
  const inputs = index.inputs(name, env);
  if (inputs === null) throw new Error(`${name} is not in ${env}`);
  return judge.judge(inputs);
}
const place = ({ severity, code, file: at, pointer }: Finding) => [severity, code, at, pointer];
const found = async (files: Readonly<Record<string, Content | null>>, env?: string) => {
  await put(files);
  return (await verdict(env)).findings.map(place);
};
/** A file in which some text of the encrypted one is replaced. */
const changed = (from: string | RegExp, to: string): string => {
  const text = Buffer.from(file).toString();
  expect(text).toMatch(from);
  return text.replace(from, to);
};

describe('without a key', () => {
  test('a file that is as its rule wants it has no findings', async () => {
    expect(await found({ [path]: file })).toEqual([]);
  });

  test('the revision follows the files in layer order and the recipients; values are known by place only', async () => {
    await put({
      [path]: file,
      [prodPath]: await secretsFile({ token: 'two', tls: { key: 'abcdef' } }, daemon),
    });
    const names = ['secrets.json', 'secrets.prod.json', 'recipients.txt'];
    const [base, prod, recipients] = names.map((name) => tree.files.get(`services/a/${name}`)?.oid);
    const lines = `base ${base}\nprod ${prod}\nbase ${recipients}\n`;
    const changedAt = '2026-05-01T12:00:00Z';
    expect((await verdict()).resolved?.secrets).toEqual({
      rev: createHash('sha256').update(lines).digest('hex'),
      recipients: [service.recipient],
      values: new Map([
        ['/token', { layer: 'prod', bytes: 3, changedAt }],
        ['/tls/key', { layer: 'prod', bytes: 6, changedAt }],
      ]),
    });
    expect((await verdict('dev')).resolved?.secrets?.values.get('/token')?.layer).toBe('base');
  });

  test('a required secret that no file sets is a warning', async () => {
    const other = await secretsFile({ tls: { key: 'abcdef' } }, daemon);
    expect(await found({ [path]: other })).toEqual([
      ['warning', 'HW_SECRET_MISSING', 'schemas/a.schema.json', '/properties/token'],
    ]);
  });

  test('without a recipient there is a warning that says how to get one', async () => {
    expect(await found({ [path]: file, 'services/a/recipients.txt': null })).toEqual([
      ['warning', 'HW_SECRET_UNDELIVERED', path, ''],
    ]);
    expect((await verdict()).findings[0]?.hint).toContain('headwater enroll a --env prod');
    expect((await verdict()).resolved?.secrets?.recipients).toEqual([]);
  });

  test('a recipient that is mistyped, or of small order, is an error at its line', async () => {
    const zero = 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqsz3pdz';
    const mistyped = service.recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'));
    await put({
      [path]: file,
      'services/a/recipients.txt': `# robots\n${service.recipient}\n${zero}\n${mistyped}\nx`,
    });
    const { findings, resolved } = await verdict();
    expect(findings.map(({ code, line }) => [code, line])).toEqual([
      ['HW_KEY_INVALID', 5],
      ['HW_KEY_INVALID', 3],
      ['HW_KEY_INVALID', 4],
    ]);
    expect(resolved).toBeNull();
  });

  test('256 recipients are enough', async () => {
    const keys: string[] = [];
    while (keys.length < 257) keys.push((await makeTestKey()).recipient);
    await put({ [path]: file, 'services/a/recipients.txt': keys.slice(1).join('\n') });
    expect((await verdict()).findings).toEqual([]);
    expect(await found({ 'services/a/recipients.txt': keys.join('\n') })).toEqual([
      ['error', 'HW_KEY_INVALID', 'services/a/recipients.txt', ''],
    ]);
  });

  describe('it is an error when', () => {
    const cases: [string, () => Promise<Record<string, Content | null>>, unknown[][]][] = [
      ['there is no .sops.yaml', async () => ({ '.sops.yaml': null }), [['HW_SOPS_RULES', path, '']]],
      [
        '.sops.yaml is broken',
        async () => ({ '.sops.yaml': 'creation_rules: [' }),
        [['HW_SOPS_RULES', '.sops.yaml', '']],
      ],
      [
        'no rule fits the path',
        async () => ({ '.sops.yaml': 'creation_rules: []' }),
        [['HW_SOPS_RULES', path, '']],
      ],
      [
        'the rule asks for other keys than age has',
        async () => ({ '.sops.yaml': 'creation_rules: [{pgp: ABCD}]' }),
        [['HW_SOPS_RULES', '.sops.yaml', '']],
      ],
      [
        'somebody can open it who should not',
        async () => ({ [path]: await secretsFile({ token: 'one' }, daemon, ann) }),
        [['HW_SECRETS_RECIPIENTS', path, '/sops/age/1']],
      ],
      [
        'somebody cannot open it who should',
        async () => ({ '.sops.yaml': rulesFor(daemon, ann) }),
        [['HW_SECRETS_RECIPIENTS', path, '/sops/age']],
      ],
      [
        'it claims another selection rule',
        async () => ({
          [path]: changed('"unencrypted_suffix": "_unencrypted"', '"unencrypted_regex": ".*"'),
        }),
        [['HW_SECRETS_RULE', path, '/sops/unencrypted_regex']],
      ],
      [
        'a value stands in plain text',
        async () => ({ [path]: changed(/"token": "[^"]*"/, `"token": "${canary}"`) }),
        [['HW_SECRETS_PLAINTEXT', path, '/token']],
      ],
      [
        'a value is marked as not encrypted',
        async () => ({ [path]: changed(/"token": "[^"]*"/, '$&, "mode_unencrypted": "x"') }),
        [
          ['HW_SECRETS_PLAINTEXT', path, '/mode_unencrypted'],
          ['HW_SECRET_UNKNOWN', path, '/mode_unencrypted'],
        ],
      ],
      [
        'a value is no text',
        async () => ({ [path]: changed(',type:str]', ',type:int]') }),
        [['HW_SECRETS_NOT_STRING', path, '/token']],
      ],
      [
        'a value is empty',
        async () => ({ [path]: changed(/"token": "[^"]*"/, '"token": ""') }),
        [['HW_SECRETS_NOT_STRING', path, '/token']],
      ],
      [
        'a key has a colon',
        async () => ({ [path]: changed('"token":', '"a:token":') }),
        [
          ['HW_SECRETS_KEY_NAME', path, '/a:token'],
          ['HW_SECRET_UNKNOWN', path, '/a:token'],
        ],
      ],
      [
        'it is not encrypted at all',
        async () => ({ [path]: `{"token":"${canary}"}` }),
        [['HW_SECRETS_NOT_SOPS', path, '']],
      ],
      ['it is no JSON', async () => ({ [path]: '{' }), [['HW_JSON_SYNTAX', path, '']]],
      [
        'the schema does not describe the setting',
        async () => ({ [path]: await secretsFile({ token: 'one', nothing: 'x' }, daemon) }),
        [['HW_SECRET_UNKNOWN', path, '/nothing']],
      ],
      [
        'the schema does not call the setting a secret',
        async () => ({ [path]: await secretsFile({ token: 'one', mode: 'x' }, daemon) }),
        [['HW_SECRET_UNKNOWN', path, '/mode']],
      ],
      [
        'a list stands where one secret belongs',
        async () => ({ [path]: await secretsFile({ token: ['one'] }, daemon) }),
        [['HW_SECRET_UNKNOWN', path, '/token/0']],
      ],
    ];
    test.each(cases)('%s', async (_, files, expected) => {
      expect(await found({ [path]: file, ...(await files()) })).toEqual(
        expected.map(([code, at, pointer]) => ['error', code, at, pointer]),
      );
      const { findings, resolved } = await verdict();
      expect(resolved).toBeNull();
      expect(JSON.stringify(findings)).not.toContain(canary);
      for (const { message, hint } of findings) expect(message.length * hint.length).toBeGreaterThan(0);
    });
  });

  test('what the schema says of secrets: where one belongs, and which there are', async () => {
    await put({ [path]: await secretsFile({ mode: 'x', nothing: 'y' }, daemon) });
    const hints = (await verdict()).findings.map(({ hint }) => hint);
    expect(hints[0]).toContain('mark it');
    expect(hints[1]).toContain('/token, /tls/key');
  });

  test('more than 128 KiB are too much: per service, of what is in force', async () => {
    const open = await secretsFile({ token: 'one', tls: { key: 'x'.repeat(70_000) } }, daemon);
    const more = await secretsFile({ tls: { key: 'y'.repeat(100_000) } }, daemon);
    expect(await found({ [path]: open, [prodPath]: more })).toEqual([]);
    const both = await secretsFile({ token: 'z'.repeat(70_000) }, daemon);
    expect(await found({ [prodPath]: both })).toEqual([['error', 'HW_SECRET_TOO_LARGE', prodPath, '']]);
    expect(await found({}, 'dev')).toEqual([]);
  });
});

describe('.sops.yaml', () => {
  test('judges secrets anew when it changes, and is no input of the service', async () => {
    await put({ [path]: file });
    const before = index.inputs('a', 'prod');
    const touched = await put({ '.sops.yaml': rulesFor(daemon, ann) });
    expect([...touched.services]).toEqual(['a']);
    expect(touched.all).toBe(false);
    expect(index.inputs('a', 'prod')?.key).toBe(before?.key);
    expect((await verdict()).resolved).toBeNull();
    await put({ '.sops.yaml': rulesFor(daemon) });
    expect((await verdict()).resolved).not.toBeNull();
  });

  test('concerns nobody without secrets', async () => {
    expect([...(await put({ '.sops.yaml': 'broken: [' })).services]).toEqual([]);
    expect((await verdict()).resolved).not.toBeNull();
  });
});

describe('a copied file', () => {
  const other = 'services/b/secrets.json';
  beforeEach(() => put({ 'schemas/b.schema.json': schema, 'services/b/config.json': '{}', [path]: file }));

  test('is an error of both, whatever else was changed in it, until one has a key of its own', async () => {
    const copy = changed(/"token": "[^"]*",/, '').replaceAll('\t', '  ');
    const touched = await put({ [other]: copy });
    expect([...touched.services].sort()).toEqual(['a', 'b']);
    for (const [name, at] of [
      ['a', path],
      ['b', other],
    ] as const) {
      expect(
        (await verdict('prod', name)).findings.filter(({ severity }) => severity === 'error').map(place),
      ).toEqual([['error', 'HW_SECRET_COPIED', at, '']]);
    }
    await put({ [other]: await secretsFile({ token: 'one' }, daemon) });
    expect((await verdict()).findings).toEqual([]);
  });

  test('is one also beside the original, in a file of another environment', async () => {
    expect(await found({ [prodPath]: file })).toEqual([
      ['error', 'HW_SECRET_COPIED', path, ''],
      ['error', 'HW_SECRET_COPIED', prodPath, ''],
    ]);
    expect(await found({ [prodPath]: null })).toEqual([]);
  });

  test('a file that moved is none', async () => {
    await put({ [other]: file, [path]: null });
    expect((await verdict('prod', 'b')).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('an index forgets what a fork of it sees', async () => {
    const fork = index.fork();
    await fork.apply(tree.change({ [other]: file }));
    expect(fork.inputs('a', 'prod')?.copies.get(path)).toBe(other);
    expect(index.inputs('a', 'prod')?.copies.size).toBe(0);
  });
});

describe('with a key', () => {
  const opened = (values: Record<string, string>) => async () => new Map(Object.entries(values));

  test('values are held against their schema; a finding names pointer and keyword, never what is or would be right', async () => {
    openSecrets = opened({ '/token': `${canary} ${'x'.repeat(50)}`, '/tls/key': 'abc' });
    await put({ [path]: file });
    const { findings, resolved } = await verdict();
    expect(resolved).toBeNull();
    expect(findings.map(({ code, file: at, pointer, message }) => [code, at, pointer, message])).toEqual([
      ['HW_SECRET_INVALID', path, '/token', 'the secret at /token does not satisfy "enum"'],
      ['HW_SECRET_INVALID', path, '/token', 'the secret at /token does not satisfy "maxLength"'],
      ['HW_SECRET_INVALID', path, '/token', 'the secret at /token does not satisfy "pattern"'],
      ['HW_SECRET_INVALID', path, '/tls/key', 'the secret at /tls/key does not satisfy "minLength"'],
    ]);
    expect(JSON.stringify(findings)).not.toContain(canary);
  });

  test('a file that was tampered with is an error, one that this daemon cannot open a warning', async () => {
    const failing = (code: 'HW_SECRETS_TAMPERED' | 'HW_SECRET_UNREADABLE') => async () => {
      throw new HeadwaterError(code, { message: 'no', hint: 'x', details: { pointer: 'the MAC' } });
    };
    openSecrets = failing('HW_SECRETS_TAMPERED');
    expect(await found({ [path]: file })).toEqual([['error', 'HW_SECRETS_TAMPERED', path, '']]);
    expect((await verdict()).resolved).toBeNull();
    openSecrets = failing('HW_SECRET_UNREADABLE');
    const again = await secretsFile({ token: 'one' }, daemon);
    expect(await found({ [path]: again })).toEqual([['warning', 'HW_SECRET_UNREADABLE', path, '']]);
    expect((await verdict()).resolved?.secrets?.values.size).toBe(1);
  });

  test('secrets that grow too large as JSON are an error', async () => {
    openSecrets = opened({ '/tls/key': '\u0001'.repeat(40_000) });
    expect(await found({ [path]: file })).toEqual([['error', 'HW_SECRET_TOO_LARGE', path, '']]);
  });

  test('a file that is wrong without a key is not opened', async () => {
    openSecrets = () => Promise.reject(new Error('opened'));
    expect(await found({ [path]: file, '.sops.yaml': null })).toEqual([['error', 'HW_SOPS_RULES', path, '']]);
  });
});
