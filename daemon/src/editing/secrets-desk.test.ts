import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSopsFile } from '../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../secrets/sops/parse-sops-file.ts';
import { makeTestKey, rulesFor, secretsFile, type TestKey } from '../testing/secrets-file.ts';
import { createSecretsDesk, type SecretsChangeRequest, type SecretsDesk } from './secrets-desk.ts';
import { type EditScene, openEditScene } from './testing.ts';

vi.setConfig({ testTimeout: 60_000 });

const canary = 'sk-canary-2Rt7';
const [base, prod] = ['services/cam/secrets.json', 'services/cam/secrets.prod.json'];
let own: TestKey;
let other: TestKey;
let files: Record<string, string>;
beforeAll(async () => {
  [own, other] = [await makeTestKey(), await makeTestKey()];
});
beforeEach(() => {
  files = {
    'headwater.json': '{"headwater":1,"deployment":"tars","environments":["dev","prod"]}\n',
    '.sops.yaml': rulesFor(own),
    'schemas/cam.schema.json': JSON.stringify({
      type: 'object',
      properties: {
        fps: { type: 'number' },
        key: { type: 'string', 'x-hw': { secret: true } },
        other: { type: 'string', 'x-hw': { secret: true } },
      },
    }),
    'services/cam/config.json': '{"fps": 30}\n',
  };
});

const deskOn = (scene: EditScene, key = own): SecretsDesk =>
  createSecretsDesk({
    editor: scene.editor,
    index: () => scene.engine.index,
    at: () => scene.engine.at,
    era: () => 1,
    reader: scene.deps.reader,
    readBlob: scene.deps.readBlob,
    identities: { identitiesFor: () => [key.identity], recipientFor: () => key.recipient },
    now: () => new Date('2026-11-21T10:00:00Z'),
  });
const change = (values: Record<string, string | null>, more: Partial<SecretsChangeRequest> = {}) => ({
  actor: { name: 'Ada', email: 'abcdefghijkl@headwater.invalid' },
  requestId: 'req-1',
  service: 'cam',
  layer: 'base',
  values: new Map(Object.entries(values)),
  message: 'Set it',
  ...more,
});
async function opened(scene: EditScene, path: string) {
  const text = (await scene.read(path)) as string;
  using file = await openSopsFile(parseSopsFile(Buffer.from(text)), { identities: [own.identity] });
  return Object.fromEntries(file.values);
}
const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => error,
  );

test('a secret becomes one commit of its author, in the file of its layer, and nothing of it is shown', async () => {
  await using scene = await openEditScene(files);
  const desk = deskOn(scene);
  const first = await desk.change(change({ '/key': canary }));
  expect(first).toMatchObject({ changed: true, file: base, commit: scene.tip() });
  const second = await desk.change(change({ '/other': `${canary}-2` }, { layer: 'prod' }));
  expect(second.file).toBe(prod);
  expect(await opened(scene, base)).toEqual({ '/key': canary });
  expect(await opened(scene, prod)).toEqual({ '/other': `${canary}-2` });
  expect(JSON.stringify([first, second])).not.toContain(canary);
  expect(scene.made.git('log', '-p', '--all')).not.toContain(canary);
  expect(scene.made.git('log', '-1', '--format=%ae')).toBe('abcdefghijkl@headwater.invalid');
});

test('setting what is there already looks like setting anything else', async () => {
  files[base] = Buffer.from(await secretsFile({ key: canary, other: 'x' }, own)).toString();
  await using scene = await openEditScene(files);
  const before = scene.tip();
  const same = await deskOn(scene).change(change({ '/key': canary }));
  expect(same.changed).toBe(true);
  expect(scene.tip()).not.toBe(before);
  const diff = scene.made.git('diff', before, scene.tip(), '--', base);
  expect(diff).toContain('"key": "ENC');
  expect(diff).not.toMatch(/^[-+].*"other"/m);
});

test('removing takes the value, then the file; what is not there is no change', async () => {
  files[base] = Buffer.from(await secretsFile({ key: canary, other: 'x' }, own)).toString();
  await using scene = await openEditScene(files);
  const desk = deskOn(scene);
  expect(await desk.change(change({ '/nothing': null }))).toMatchObject({
    changed: false,
    commit: scene.tip(),
  });
  await desk.change(change({ '/key': null }));
  expect(await opened(scene, base)).toEqual({ '/other': 'x' });
  await desk.change(change({ '/other': null }));
  expect(await scene.read(base)).toBeNull();
});

test('many who set secrets of one file at once lose nothing', async () => {
  await using scene = await openEditScene(files);
  const desk = deskOn(scene);
  await Promise.all([
    desk.change(change({ '/key': 'one' })),
    desk.change(change({ '/other': 'two' })),
    desk.change(change({ '/key': 'one' }, { layer: 'prod' })),
  ]);
  expect(await opened(scene, base)).toEqual({ '/key': 'one', '/other': 'two' });
  expect(await opened(scene, prod)).toEqual({ '/key': 'one' });
});

test('who says what they looked at is told when that secret changed since, and not when another did', async () => {
  files[base] = Buffer.from(await secretsFile({ key: 'old', other: 'x' }, own)).toString();
  await using scene = await openEditScene(files);
  const desk = deskOn(scene);
  const looked = scene.tip();
  await desk.change(change({ '/other': 'y' }));
  await desk.change(change({ '/key': 'mine' }, { base: looked }));
  const error = await failure(desk.change(change({ '/key': canary }, { base: looked })));
  expect(error).toMatchObject({
    code: 'HW_EDIT_CONFLICT',
    details: { conflicts: [{ file: base, pointer: '/key' }] },
  });
  expect(await opened(scene, base)).toEqual({ '/key': 'mine', '/other': 'y' });
});

describe('is refused, and says nothing of the value', () => {
  const refused = async (scene: EditScene, request: SecretsChangeRequest, key = own) => {
    const tip = scene.tip();
    const error = await failure(deskOn(scene, key).change(request));
    expect(`${error?.message}${error?.hint}${JSON.stringify(error?.details)}`).not.toContain(canary);
    expect(scene.tip()).toBe(tip);
    return error;
  };

  test('a setting that is no secret, a service or environment that is not there', async () => {
    await using scene = await openEditScene(files);
    expect(await refused(scene, change({ '/fps': canary }))).toMatchObject({
      code: 'HW_EDIT_INVALID',
      details: { problems: [expect.objectContaining({ code: 'HW_SECRET_UNKNOWN', pointer: '/fps' })] },
    });
    expect(await refused(scene, change({ '/key': canary }, { service: 'cama' }))).toMatchObject({
      code: 'HW_NOT_FOUND',
    });
    expect(await refused(scene, change({ '/key': canary }, { layer: 'qa' }))).toMatchObject({
      code: 'HW_NOT_FOUND',
    });
  });

  test('a path without a rule, a file that this daemon cannot open, a protected environment', async () => {
    files[prod] = Buffer.from(await secretsFile({ key: 'x' }, other)).toString();
    files['.sops.yaml'] = 'creation_rules: []\n';
    await using scene = await openEditScene(files);
    expect(await refused(scene, change({ '/key': canary }))).toMatchObject({ code: 'HW_SOPS_RULES' });
    files['.sops.yaml'] = rulesFor(other);
    await using closed = await openEditScene(files);
    expect(await refused(closed, change({ '/key': canary }, { layer: 'prod' }))).toMatchObject({
      code: 'HW_SECRET_UNREADABLE',
      message: expect.stringContaining(own.recipient),
    });
    files['headwater.json'] =
      '{"headwater":1,"deployment":"tars","environments":["dev","prod"],"protected":["prod"]}\n';
    files['.sops.yaml'] = rulesFor(own);
    delete files[prod];
    await using guarded = await openEditScene(files);
    expect(await refused(guarded, change({ '/key': canary }, { layer: 'prod' }))).toMatchObject({
      code: 'HW_PROTECTED',
    });
  });
});

test('what is revealed is the value in force, with the layer that it comes from', async () => {
  files[base] = Buffer.from(await secretsFile({ key: 'base', other: 'both' }, own)).toString();
  files[prod] = Buffer.from(await secretsFile({ key: 'prod' }, own)).toString();
  await using scene = await openEditScene(files);
  const desk = deskOn(scene);
  expect(await desk.reveal('cam', 'prod', '/key')).toEqual({ value: 'prod', layer: 'prod' });
  expect(await desk.reveal('cam', 'prod', '/other')).toEqual({ value: 'both', layer: 'base' });
  expect(await desk.reveal('cam', 'dev', '/key')).toEqual({ value: 'base', layer: 'base' });
  expect(await failure(desk.reveal('cam', 'dev', '/fps'))).toMatchObject({ code: 'HW_NOT_FOUND' });
});
