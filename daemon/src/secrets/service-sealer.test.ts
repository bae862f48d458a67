import type { JsonObject } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import type { LayerFile } from '../core/inputs.ts';
import { createJudge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { createFakeSecretBox, openFakeBox } from '../testing/fake-secret-box.ts';
import { type Content, MemoryTree } from '../testing/memory-tree.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { makeTestKey, rulesFor, secretsFile, type TestKey } from '../testing/secrets-file.ts';
import { DataKeyBook } from './data-key-book.ts';
import { createSecretsOpener } from './secrets-opener.ts';
import { createServiceSealer } from './service-sealer.ts';
import { wrapDataKey } from './sops/data-key.ts';
import { openSopsFile } from './sops/open-sops-file.ts';
import { parseSopsFile } from './sops/parse-sops-file.ts';
import { printSopsFile } from './sops/print-sops-file.ts';

const secret = { type: 'string', 'x-hw': { secret: true } };
const schema = {
  json: {
    type: 'object',
    properties: { token: secret, tls: { type: 'object', properties: { key: secret } } },
  },
};
const environments = ['dev', 'prod', { name: 'robot-7', extends: 'prod' }];

/** A repository, a daemon with one identity (and perhaps others for some environments), and one service with a key of its own. */
async function scene(
  files: (keys: { daemon: TestKey; service: TestKey }) => Promise<Record<string, Content>>,
) {
  const [daemon, service] = [await makeTestKey(), await makeTestKey()];
  const tree = new MemoryTree();
  const index = await RepoIndex.create(tree.readBlob);
  await index.apply(
    tree.change({
      'headwater.json': { json: { headwater: 1, deployment: 'tars', environments } },
      '.sops.yaml': rulesFor(daemon),
      'schemas/a.schema.json': schema,
      'services/a/config.json': '{}',
      'services/a/recipients.txt': service.recipient,
      ...(await files({ daemon, service })),
    }),
  );
  const byEnv = new Map<string | null, TestKey>();
  const chosen = (env: string | null) => byEnv.get(env) ?? daemon;
  const book = new DataKeyBook(new Uint8Array(32).fill(7));
  const openSecrets = createSecretsOpener({
    book,
    identities: {
      identitiesFor: (env) => [chosen(env).identity],
      recipientFor: (env) => chosen(env).recipient,
    },
  });
  const judge = createJudge({
    readBlob: tree.readBlob,
    validator: createInlineSchemaValidator(),
    crypto: nodeCrypto,
    openSecrets,
  });
  const box = createFakeSecretBox();
  const fileAt = (path: string) => tree.files.get(path)?.oid ?? null;
  const copyOf = (file: LayerFile) => book.copyOf(file, fileAt);
  const sealer = createServiceSealer({
    ...{ deployment: 'tars', readBlob: tree.readBlob, openSecrets, box, copyOf },
  });
  return {
    byEnv,
    service,
    async judged(env: string) {
      const inputs = index.inputs('a', env);
      if (!inputs) throw new Error(`a is not in ${env}`);
      return { inputs, judgement: await judge.judge(inputs) };
    },
    async seal(env: string) {
      const { inputs, judgement } = await this.judged(env);
      if (!judgement.resolved) throw new Error(JSON.stringify(judgement.findings));
      const epoch = { commit: 'c'.repeat(40), seq: 1 };
      return sealer.seal({ inputs, resolved: judgement.resolved, epoch, requestId: undefined });
    },
  };
}

const contentOf = async (sealed: string | null, key: TestKey): Promise<JsonObject> =>
  JSON.parse(Buffer.from((await openFakeBox(sealed ?? '', key)) ?? '').toString());

test('secrets resolve by layers, per pointer, and name what they are for', async () => {
  const world = await scene(async ({ daemon }) => ({
    'services/a/secrets.json': await secretsFile({ token: 'base', tls: { key: 'base' } }, daemon),
    'services/a/secrets.prod.json': await secretsFile({ token: 'prod' }, daemon),
    'services/a/secrets.robot-7.json': await secretsFile({ tls: { key: 'robot' } }, daemon),
  }));
  const expected = {
    dev: { '/token': 'base', '/tls/key': 'base' },
    prod: { '/token': 'prod', '/tls/key': 'base' },
    'robot-7': { '/token': 'prod', '/tls/key': 'robot' },
  };
  for (const [env, values] of Object.entries(expected)) {
    const secrets = await world.seal(env);
    const { pad: _, ...bundle } = await contentOf(secrets.sealed, world.service);
    expect(bundle).toEqual({ deployment: 'tars', env, service: 'a', rev: secrets.rev, values });
  }
});

test('without a recipient nothing is opened', async () => {
  const world = await scene(async ({ daemon }) => ({
    'services/a/secrets.json': await secretsFile({ token: 'x' }, daemon),
    'services/a/recipients.txt': '',
  }));
  world.byEnv.set(null, await makeTestKey());
  expect(await world.seal('dev')).toMatchObject({ recipients: [], sealed: null });
});

test('a file for another identity is no mistake of the commit, but cannot be sealed: the error names file and key', async () => {
  const world = await scene(async ({ daemon }) => ({
    'services/a/secrets.prod.json': await secretsFile({ token: 'hunter2' }, daemon),
  }));
  const other = await makeTestKey();
  world.byEnv.set('prod', other);
  const { judgement } = await world.judged('prod');
  expect(judgement.findings).toMatchObject([
    { severity: 'warning', code: 'HW_SECRET_UNREADABLE', file: 'services/a/secrets.prod.json' },
  ]);
  await expect(world.seal('prod')).rejects.toMatchObject({
    code: 'HW_SECRET_UNREADABLE',
    message: expect.stringContaining(`services/a/secrets.prod.json: ${other.recipient}`),
    hint: expect.stringContaining('sops updatekeys services/a/secrets.prod.json'),
  });
  expect((await world.judged('dev')).judgement.findings).toEqual([]);
});

test('a file that is moved to another environment is not opened with the identity of that one', async () => {
  const prod = await makeTestKey();
  const world = await scene(async () => ({
    '.sops.yaml': rulesFor(prod),
    'services/a/secrets.dev.json': await secretsFile({ token: 'hunter2' }, prod),
  }));
  world.byEnv.set('prod', prod);
  await expect(world.seal('dev')).rejects.toMatchObject({ code: 'HW_SECRET_UNREADABLE' });
});

test('an older version at another path is not sealed, although its key is wrapped in another way', async () => {
  const world = await scene(async ({ daemon }) => {
    const old = await secretsFile({ token: 'hunter2' }, daemon);
    const opened = await openSopsFile(parseSopsFile(old), { identities: [daemon.identity] });
    const age = [await wrapDataKey(opened.dataKey, daemon.recipient)];
    const current = printSopsFile(opened.file.tree, { ...opened.file.metadata, age }, '\t');
    return { 'services/a/secrets.prod.json': current, 'services/a/secrets.dev.json': old };
  });
  // Both are judged, and so opened, before anything is sealed.
  for (const env of ['dev', 'prod']) expect((await world.judged(env)).judgement.findings).toEqual([]);
  await expect(world.seal('dev')).rejects.toMatchObject({
    code: 'HW_SECRET_COPIED',
    message: expect.stringContaining(
      'services/a/secrets.dev.json has the data key of services/a/secrets.prod.json',
    ),
  });
});

test('two values that changed places are an error of the commit', async () => {
  const world = await scene(async ({ daemon }) => {
    const text = Buffer.from(
      await secretsFile({ token: 'first-value', tls: { key: 'other-value' } }, daemon),
    ).toString();
    const [a, b] = text.match(/ENC\[[^\]]*\]/g) as [string, string];
    return { 'services/a/secrets.json': text.replace(a, '#').replace(b, a).replace('#', b) };
  });
  const { judgement } = await world.judged('dev');
  expect(judgement.resolved).toBeNull();
  expect(judgement.findings).toMatchObject([
    { severity: 'error', code: 'HW_SECRETS_TAMPERED', pointer: '/token', file: 'services/a/secrets.json' },
  ]);
});

test('a value that was taken out of the file is an error of the commit', async () => {
  const world = await scene(async ({ daemon }) => {
    const text = Buffer.from(
      await secretsFile({ token: 'first-value', tls: { key: 'other-value' } }, daemon),
    ).toString();
    return { 'services/a/secrets.json': text.replace(/\t"token": [^\n]*\n/, '') };
  });
  const { judgement } = await world.judged('dev');
  expect(judgement.findings).toMatchObject([
    { severity: 'error', code: 'HW_SECRETS_TAMPERED', pointer: '/sops/mac' },
  ]);
});
