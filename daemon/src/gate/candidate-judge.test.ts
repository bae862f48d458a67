import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import { createJudge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { createWorld, judgeByWord, schemaFile, settingsFile } from '../epochs/testing.ts';
import { MemoryTree } from '../testing/memory-tree.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { makeTestKey, rulesFor, secretsFile } from '../testing/secrets-file.ts';
import { CandidateBlobs } from './candidate-blobs.ts';
import { createCandidateJudge } from './candidate-judge.ts';

const files = {
  'headwater.json': settingsFile(['dev', { name: 'prod', extends: 'dev' }]),
  'schemas/a.schema.json': schemaFile,
  'schemas/b.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
  'services/b/config.json': '{"value":"1"}',
};

/** A judge over a history whose newest commit the engine has read, and a way to say what would change. */
async function scene(set: Readonly<Record<string, string>> = {}) {
  const world = createWorld();
  const base = world.commit([], { ...files, ...set });
  const engine = world.engine();
  await engine.start(base);
  const blobs = new CandidateBlobs((oid, maxBytes) => world.git.reader.readBlob(oid, maxBytes));
  const judge = createCandidateJudge({
    index: () => engine.index,
    createIndex: () => RepoIndex.create(blobs.read),
    reader: world.git.reader,
    blobs,
    judge: (inputs) => judgeByWord(inputs, blobs.read),
    rules: { deployment: 'tars' },
  });
  const tree = new MemoryTree();
  tree.change({ ...files, ...set });
  const candidate = (change: Readonly<Record<string, string | null>>, message = '') =>
    judge.judge({ base, changes: tree.change(change), message, blobs: tree.readBlob });
  return { world, engine, judge, base, candidate };
}

const codes = (findings: readonly { code: string }[]) => findings.map(({ code }) => code);

test('a good change has no problems and names whom it reaches, before and after', async () => {
  const { candidate } = await scene();
  const verdict = await candidate({ 'services/a/config.prod.json': '{"value":"2"}' });
  expect(verdict.problems).toEqual([]);
  expect([...verdict.affected.keys()]).toEqual(['prod']);
  const [affected] = verdict.affected.get('prod') ?? [];
  expect(affected?.service).toBe('a');
  expect(affected?.before?.judgement.resolved?.config).toEqual({ texts: ['{"value":"1"}'] });
  expect(affected?.after?.judgement.resolved?.config).toEqual({
    texts: ['{"value":"1"}', '{"value":"2"}'],
  });
});

test('a change of the base file reaches every environment', async () => {
  const { candidate } = await scene();
  const { affected } = await candidate({ 'services/a/config.json': '{"value":"2"}' });
  expect([...affected.keys()]).toEqual(['dev', 'prod']);
});

test('what a change breaks is a problem in each environment', async () => {
  const { candidate } = await scene();
  const { problems } = await candidate({ 'services/a/config.json': '{"value":"bad"}' });
  expect(problems.map(({ code, env, service }) => [code, env, service])).toEqual([
    ['HW_CONFIG_INVALID', 'dev', 'a'],
    ['HW_CONFIG_INVALID', 'prod', 'a'],
  ]);
});

test('what was broken before is not held against a change: neither next to it nor in the same file', async () => {
  const { candidate } = await scene({ 'services/b/config.json': '{"value":"bad"}' });
  expect((await candidate({ 'services/a/config.json': '{"value":"2"}' })).problems).toEqual([]);
  expect((await candidate({ 'services/b/config.json': '{"value":"bad still"}' })).problems).toEqual([]);
  expect((await candidate({ 'services/b/config.json': '{"value":"mended"}' })).problems).toEqual([]);
});

test('structure counts too: names, places, settings', async () => {
  const { candidate } = await scene();
  expect(codes((await candidate({ 'services/Bad_Name/config.json': '{}' })).problems)).toEqual([
    'HW_NAME_INVALID',
  ]);
  expect(codes((await candidate({ 'headwater.json': '{' })).problems)).toEqual(['HW_JSON_SYNTAX']);
  expect(
    codes((await candidate({ 'headwater.json': settingsFile(['dev'], 'environment', 'mars') })).problems),
  ).toEqual(['HW_DEPLOYMENT_CHANGED']);
});

test('a mass removal is a problem unless the message allows it by number', async () => {
  const many = Object.fromEntries(
    [...'cdefgh'].flatMap((name) => [
      [`schemas/${name}.schema.json`, schemaFile],
      [`services/${name}/config.json`, '{}'],
    ]),
  );
  const gone = Object.fromEntries(Object.keys(many).map((path) => [path, null]));
  const first = await scene(many);
  expect(codes((await first.candidate(gone)).problems)).toEqual(['HW_MASS_REMOVAL', 'HW_MASS_REMOVAL']);
  const second = await scene(many);
  const { problems } = await second.candidate(gone, 'Clear out\n\nHeadwater-Allow-Removal: 6\n');
  expect(problems).toEqual([]);
});

test('candidates leave no trace: the engine and the next candidate see what is committed', async () => {
  const { world, engine, judge, base, candidate } = await scene();
  await candidate({ 'services/a/config.json': '{"value":"bad"}', 'services/c/config.json': '{}' });
  expect([...engine.index.services('dev')]).toEqual(['a', 'b']);
  const next = world.commit([base], { 'services/b/config.json': '{"value":"2"}' });
  const verdict = await judge.judge({ base, changes: await world.git.reader.diff(base, next) });
  expect(verdict.problems).toEqual([]);
  expect(verdict.affected.get('dev')?.map(({ service }) => service)).toEqual(['b']);
});

test('a base that the engine has not reached yet, one before it, and the empty tree', async () => {
  const { world, judge, base } = await scene();
  const next = world.commit([base], { 'services/b/config.json': '{"value":"2"}' });
  const last = world.commit([next], { 'services/a/config.json': '{"value":"bad"}' });
  const verdict = await judge.judge({ base: next, changes: await world.git.reader.diff(next, last) });
  expect(verdict.problems.map(({ service }) => service)).toEqual(['a', 'a']);
  const whole = await judge.judge({ base: null, changes: await world.git.reader.diff(null, next) });
  expect(whole.problems).toEqual([]);
  expect(whole.affected.get('dev')?.map(({ service, before }) => [service, before])).toEqual([
    ['a', null],
    ['b', null],
  ]);
  const back = await judge.judge({ base, changes: await world.git.reader.diff(base, next) });
  expect(back.affected.get('prod')?.map(({ service }) => service)).toEqual(['b']);
});

test('creation rules that no longer fit a secrets file are a problem, although no input changes', async () => {
  const [daemon, ann] = [await makeTestKey(), await makeTestKey()];
  const tree = new MemoryTree();
  const schema = { type: 'object', properties: { token: { type: 'string', 'x-hw': { secret: true } } } };
  const secrets = { 'services/a/secrets.json': await secretsFile({ token: 'x' }, daemon) };
  const set = { 'schemas/a.schema.json': { json: schema }, 'services/a/config.json': '{}', ...secrets };
  const head = { 'headwater.json': settingsFile(['dev']), '.sops.yaml': rulesFor(daemon) };
  const index = await RepoIndex.create(tree.readBlob);
  await index.apply(tree.change({ ...head, ...set }), 'c'.repeat(40));
  const validator = createInlineSchemaValidator();
  const { judge } = createJudge({ readBlob: tree.readBlob, validator, crypto: nodeCrypto });
  const candidates = createCandidateJudge({
    index: () => index,
    createIndex: () => RepoIndex.create(tree.readBlob),
    reader: { diff: async () => [] },
    blobs: new CandidateBlobs(tree.readBlob),
    judge,
    rules: { deployment: null },
  });
  const changes = tree.change({ '.sops.yaml': rulesFor(ann) });
  const verdict = await candidates.judge({ base: 'c'.repeat(40), changes, blobs: tree.readBlob });
  expect([...new Set(codes(verdict.problems))]).toEqual(['HW_SECRETS_RECIPIENTS']);
  expect(verdict.affected.size).toBe(0);
});
