import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Content, MemoryTree } from '../testing/memory-tree.ts';
import { RepoIndex, reverseChanges } from './repo-index.ts';

const settings = {
  json: {
    headwater: 1,
    deployment: 'tars',
    environments: ['dev', 'prod', { name: 'robot', extends: 'prod' }],
  },
};
const plain = { json: { type: 'object', properties: { a: { type: 'number' } } } };
const taking = { json: { type: 'object', properties: { a: { type: 'number', 'x-hw': { shared: true } } } } };
const onlyFor = (...environments: string[]) => ({ json: { type: 'object', 'x-hw': { environments } } });

let tree: MemoryTree;
let index: RepoIndex;

async function put(files: Readonly<Record<string, Content | null>>) {
  return index.apply(tree.change(files));
}
function codes() {
  return index.structural.map(({ code, file, service }) => [code, file, service]);
}
function paths(service: string, env: string) {
  const inputs = index.inputs(service, env);
  return (
    inputs && [
      inputs.schema?.path,
      ...[...inputs.layers, ...inputs.secrets].map(({ path }) => path),
      inputs.recipients?.path,
    ]
  );
}

beforeEach(async () => {
  tree = new MemoryTree();
  index = await RepoIndex.create(tree.readBlob);
});

test('an empty tree lacks its settings and has no services', () => {
  expect(codes()).toEqual([['HW_REPO_SETTINGS_MISSING', 'headwater.json', undefined]]);
  expect(index.settings).toBeNull();
  expect(index.environments()).toEqual([]);
  expect([...index.services('prod')]).toEqual([]);
  expect(index.inputs('a', 'prod')).toBeNull();
});

test('inputs are the schema, the layers in merge order, the secrets and the nearest recipients', async () => {
  await put({
    'headwater.json': settings,
    'schemas/stt.schema.json': taking,
    'services/shared.json': '{}',
    'services/shared.prod.json': '{}',
    'services/shared.dev.json': '{}',
    'services/speech/shared.robot.json': '{}',
    'services/speech/stt/config.json': '{}',
    'services/speech/stt/config.prod.json': '{}',
    'services/speech/stt/config.robot.json': '{}',
    'services/speech/stt/secrets.json': '{}',
    'services/speech/stt/secrets.robot.json': '{}',
    'services/speech/stt/recipients.txt': '',
    'services/speech/stt/recipients.prod.txt': '',
    'services/other/shared.json': '{}',
  });
  expect(index.structural).toEqual([]);
  expect(index.inputs('stt', 'robot')).toMatchObject({
    chain: ['prod', 'robot'],
    folder: 'services/speech/stt',
  });
  expect(index.inputs('stt', 'robot')?.layers.map(({ layer }) => layer)).toEqual([
    'shared',
    'shared.prod',
    'shared.robot',
    'base',
    'prod',
    'robot',
  ]);
  expect(paths('stt', 'robot')).toEqual([
    'schemas/stt.schema.json',
    'services/shared.json',
    'services/shared.prod.json',
    'services/speech/shared.robot.json',
    'services/speech/stt/config.json',
    'services/speech/stt/config.prod.json',
    'services/speech/stt/config.robot.json',
    'services/speech/stt/secrets.json',
    'services/speech/stt/secrets.robot.json',
    'services/speech/stt/recipients.prod.txt',
  ]);
  expect(paths('stt', 'dev')?.at(-1)).toBe('services/speech/stt/recipients.txt');
});

test('the mode of a file is part of the key', async () => {
  await put({ 'headwater.json': settings, 'services/a/config.json': '{}' });
  const before = index.inputs('a', 'prod')?.key;
  await put({ 'services/a/config.json': { mode: '100755', content: '{}' } });
  expect(index.inputs('a', 'prod')?.key).not.toBe(before);
});

test('shared files are no inputs of a service whose schema takes nothing from them', async () => {
  await put({
    'headwater.json': settings,
    'schemas/a.schema.json': plain,
    'services/a/config.json': '{}',
    'services/shared.json': '{}',
  });
  expect(paths('a', 'prod')).toEqual(['schemas/a.schema.json', 'services/a/config.json', undefined]);
});

describe('presence', () => {
  test('a schema that lists environments keeps the service out of the others, but not out of those that extend a listed one', async () => {
    await put({
      'headwater.json': settings,
      'schemas/a.schema.json': onlyFor('prod'),
      'services/a/config.json': '{}',
    });
    expect(index.environments().filter((env) => index.services(env).has('a'))).toEqual(['prod', 'robot']);
    expect(index.inputs('a', 'dev')).toBeNull();
    await put({ 'schemas/a.schema.json': onlyFor('dev') });
    expect(index.environments().filter((env) => index.services(env).has('a'))).toEqual(['dev']);
  });

  test('a schema that cannot be read keeps the service everywhere, so that its error is seen', async () => {
    await put({
      'headwater.json': settings,
      'schemas/a.schema.json': '{ no',
      'services/a/config.json': '{}',
    });
    expect(index.services('dev').has('a')).toBe(true);
    await put({ 'schemas/a.schema.json': 'x'.repeat(600 * 1024) });
    expect(index.services('dev').has('a')).toBe(true);
  });

  test('a service without its last file is gone', async () => {
    await put({
      'headwater.json': settings,
      'services/a/config.json': '{}',
      'services/a/secrets.json': '{}',
    });
    await put({ 'services/a/config.json': null });
    expect(index.services('prod').has('a')).toBe(true);
    await put({ 'services/a/secrets.json': null });
    expect(index.services('prod').has('a')).toBe(false);
  });
});

describe('what a change touches', () => {
  beforeEach(async () => {
    await put({
      'headwater.json': settings,
      'services/g/a/config.json': '{}',
      'services/g/b/config.json': '{}',
      'services/c/config.json': '{}',
    });
  });
  test.each([
    ['services/g/a/config.dev.json', ['a']],
    ['schemas/b.schema.json', ['b']],
    ['services/g/shared.json', ['a', 'b']],
    ['services/shared.prod.json', ['a', 'b', 'c']],
    ['services/g/a/Config.json', ['a']],
    ['README.md', []],
    ['presets/night.json', []],
  ])('%s', async (path, services) => {
    const touched = await put({ [path]: '{}' });
    expect({ all: touched.all, services: [...touched.services].sort() }).toEqual({ all: false, services });
  });
  test('headwater.json touches everything', async () => {
    const touched = await put({
      'headwater.json': { json: { headwater: 1, deployment: 'tars', environments: ['dev'] } },
    });
    expect(touched.all).toBe(true);
    expect([...touched.services].sort()).toEqual(['a', 'b', 'c']);
    expect(index.environments()).toEqual(['dev']);
  });
  test('only headwater.json and schemas are read', async () => {
    tree.reads.length = 0;
    await put({
      'services/g/a/config.json': '{"a":1}',
      'services/shared.json': '{}',
      'presets/x.json': '{}',
    });
    expect(tree.reads).toEqual([]);
  });
});

describe('structural findings', () => {
  beforeEach(() =>
    put({ 'headwater.json': settings, 'services/a/config.json': '{}', 'schemas/a.schema.json': plain }),
  );
  const cases: [string, Record<string, Content>, unknown[]][] = [
    [
      'a name that occurs twice',
      { 'services/g/a/config.json': '{}' },
      ['HW_SERVICE_DUPLICATE', 'services/g/a', 'a'],
    ],
    [
      'a service inside another',
      { 'services/a/b/config.json': '{}' },
      ['HW_SERVICE_NESTED', 'services/a', 'a'],
    ],
    [
      'shared values in the folder of a service',
      { 'services/a/shared.json': '{}' },
      ['HW_FILE_UNEXPECTED', 'services/a/shared.json', 'a'],
    ],
    [
      'an undeclared environment',
      { 'services/a/config.stage.json': '{}' },
      ['HW_ENVIRONMENT_UNDECLARED', 'services/a/config.stage.json', 'a'],
    ],
    [
      'shared values of an undeclared environment',
      { 'services/shared.stage.json': '{}' },
      ['HW_ENVIRONMENT_UNDECLARED', 'services/shared.stage.json', undefined],
    ],
    [
      'an undeclared environment in a schema',
      { 'schemas/a.schema.json': onlyFor('prod', 'stage') },
      ['HW_ENVIRONMENT_UNDECLARED', 'schemas/a.schema.json', 'a'],
    ],
    [
      'a schema without service',
      { 'schemas/b.schema.json': plain },
      ['HW_SCHEMA_ORPHAN', 'schemas/b.schema.json', 'b'],
    ],
    [
      'a symbolic link as config',
      { 'services/a/config.dev.json': { mode: '120000', content: '/etc/passwd' } },
      ['HW_FILE_MODE', 'services/a/config.dev.json', 'a'],
    ],
    [
      'a symbolic link as schema',
      { 'schemas/a.schema.json': { mode: '120000', content: '../x' } },
      ['HW_FILE_MODE', 'schemas/a.schema.json', 'a'],
    ],
    [
      'a submodule as group',
      { 'services/g': { mode: '160000', content: '' } },
      ['HW_FILE_MODE', 'services/g', undefined],
    ],
    [
      'a link as the whole folder',
      { services: { mode: '120000', content: 'elsewhere' } },
      ['HW_FILE_MODE', 'services', undefined],
    ],
    [
      'a misnamed file',
      { 'services/a/config.Prod.json': '{}' },
      ['HW_NAME_INVALID', 'services/a/config.Prod.json', 'a'],
    ],
  ];
  test.each(cases)('%s', async (_, files, finding) => {
    expect(codes()).toEqual([]);
    const before = tree.change(files);
    await index.apply(before);
    expect(codes()).toContainEqual(finding);
    await index.apply(reverseChanges(before));
    expect(codes()).toEqual([]);
  });

  test('an overlay counts as excluded only where no environment of the service uses it', async () => {
    await put({
      'schemas/a.schema.json': onlyFor('robot'),
      'services/a/config.prod.json': '{}',
      'services/a/config.dev.json': '{}',
    });
    expect(index.structural).toEqual([
      expect.objectContaining({
        code: 'HW_ENVIRONMENT_EXCLUDED',
        file: 'services/a/config.dev.json',
        env: 'dev',
        service: 'a',
      }),
    ]);
  });

  test('a link or submodule where nothing is read is nobody’s business', async () => {
    await put({
      vendor: { mode: '160000', content: '' },
      'services/a/README.md': { mode: '120000', content: '/etc/passwd' },
    });
    expect(codes()).toEqual([]);
  });

  test('settings that cannot be read are the one finding about environments', async () => {
    await put({ 'headwater.json': '{"headwater": 1', 'services/a/config.stage.json': '{}' });
    expect(codes()).toEqual([['HW_JSON_SYNTAX', 'headwater.json', undefined]]);
    expect(index.environments()).toEqual([]);
    await put({ 'headwater.json': { mode: '120000', content: 'x' } });
    expect(codes().map(([code]) => code)).toContain('HW_FILE_MODE');
  });
});

test('when a blob cannot be read nothing has changed', async () => {
  await put({ 'headwater.json': settings, 'services/a/config.json': '{}' });
  const missing = { path: 'schemas/a.schema.json', from: null, to: { mode: '100644', oid: 'f'.repeat(40) } };
  const added = tree.set('services/b/config.json', '{}');
  await expect(index.apply([added, missing])).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
  expect([...index.services('prod')]).toEqual(['a']);
});

/** Everything that can be asked of an index. */
function stateOf(of: RepoIndex) {
  const environments = of.environments();
  return {
    settings: of.settings,
    structural: of.structural,
    shared: of.sharedFiles().sort((a, b) => (a.path < b.path ? -1 : 1)),
    services: environments.map((env) => {
      const names = [...of.services(env)].sort();
      return [env, names.map((service) => of.inputs(service, env))];
    }),
  };
}

const pathArbitrary = fc.constantFrom(
  'headwater.json',
  ...['a', 'b'].map((name) => `schemas/${name}.schema.json`),
  ...['services', 'services/g', 'services/a'].flatMap((at) => [
    `${at}/shared.json`,
    `${at}/shared.prod.json`,
  ]),
  ...['services/a', 'services/g/a', 'services/g/b', 'services/a/b'].flatMap((at) => [
    `${at}/config.json`,
    `${at}/config.robot.json`,
    `${at}/config.stage.json`,
    `${at}/secrets.prod.json`,
    `${at}/recipients.txt`,
    `${at}/Config.json`,
  ]),
  'README.md',
);
const otherSettings = { json: { headwater: 1, deployment: 'tars', environments: ['prod', 'stage'] } };
const contentArbitrary = fc.constantFrom<Content | null>(
  null,
  '{}',
  { mode: '100755', content: '{}' },
  '{"x":1}',
  'broken',
  settings,
  otherSettings,
  taking,
  onlyFor('prod'),
  {
    mode: '120000',
    content: 'x',
  },
);
const commitArbitrary = fc.uniqueArray(fc.tuple(pathArbitrary, contentArbitrary), {
  selector: ([path]) => path,
  maxLength: 6,
});

test('walking commits forward and back restores every state, and each is what a fresh index says of that tree', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commitArbitrary, { maxLength: 8 }), async (commits) => {
      const files = new MemoryTree();
      const walked = await RepoIndex.create(files.readBlob);
      const states = [stateOf(walked)];
      const steps = [];
      for (const commit of [[['headwater.json', settings] as const], ...commits]) {
        const changes = commit.map(([path, content]) => files.set(path, content));
        await walked.apply(changes);
        steps.push(changes);
        states.push(stateOf(walked));
        const fresh = await RepoIndex.create(files.readBlob);
        await fresh.apply([...files.files].reverse().map(([path, to]) => ({ path, from: null, to })));
        expect(stateOf(fresh)).toEqual(states.at(-1));
      }
      for (const changes of steps.reverse()) {
        expect(stateOf(walked)).toEqual(states.pop());
        await walked.apply(reverseChanges(changes));
      }
      expect(stateOf(walked)).toEqual(states.pop());
    }),
    { numRuns: 60 },
  );
});

test('the key of a service’s inputs changes exactly when one of them does, and the change names that service', async () => {
  await fc.assert(
    fc.asyncProperty(commitArbitrary, commitArbitrary, async (first, second) => {
      const files = new MemoryTree();
      const walked = await RepoIndex.create(files.readBlob);
      await walked.apply([
        files.set('headwater.json', settings),
        ...first.map(([path, content]) => files.set(path, content)),
      ]);
      const before = inputsOf(walked);
      const touched = await walked.apply(second.map(([path, content]) => files.set(path, content)));
      const after = inputsOf(walked);
      for (const id of new Set([...before.keys(), ...after.keys()])) {
        const { key: oldKey, ...old } = before.get(id) ?? {};
        const { key: newKey, ...now } = after.get(id) ?? {};
        expect(oldKey === newKey).toBe(JSON.stringify(old) === JSON.stringify(now));
        if (oldKey !== newKey) expect(touched.services).toContain(id.split(' ')[0]);
      }
    }),
    { numRuns: 200 },
  );
});

function inputsOf(of: RepoIndex) {
  return new Map(
    of
      .environments()
      .flatMap((env) =>
        [...of.services(env)].map((service) => [`${service} ${env}`, of.inputs(service, env)] as const),
      ),
  );
}
