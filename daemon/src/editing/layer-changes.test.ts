import { describe, expect, test, vi } from 'vitest';
import { editTarget } from './edit-target.ts';
import { type LayerEdit, layerChanges } from './layer-changes.ts';
import { type EditScene, openEditScene, startFiles } from './testing.ts';

vi.setConfig({ testTimeout: 60_000 });

const base = 'services/cam/config.json';
const prod = 'services/cam/config.prod.json';

const changesOf = (scene: EditScene, edits: readonly LayerEdit[], at: string | null = scene.tip()) =>
  layerChanges(edits, at, scene.engine.index, scene.deps);
const edit = (layer: string, change: LayerEdit['change']): LayerEdit => ({ service: 'cam', layer, change });
const merge = (layer: string, patch: Record<string, unknown>) =>
  edit(layer, { kind: 'merge-patch', patch: patch as never });

describe('a layer', () => {
  test('is found by names, whatever groups its service lies in', async () => {
    const { [base]: config = '', ...rest } = startFiles;
    await using scene = await openEditScene({ ...rest, 'services/vision/front/cam/config.json': config });
    const { index } = scene.engine;
    expect(editTarget(index, 'cam', 'base').path).toBe('services/vision/front/cam/config.json');
    expect(editTarget(index, 'cam', 'prod').path).toBe('services/vision/front/cam/config.prod.json');
    const notFound = (service: string, layer: string, hint: string) =>
      expect(() => editTarget(index, service, layer)).toThrow(
        expect.objectContaining({ code: 'HW_NOT_FOUND', hint: expect.stringContaining(hint) }),
      );
    notFound('cams', 'base', 'Did you mean "cam"?');
    notFound('../cam', 'base', '');
    notFound('cam', 'production', 'dev, prod');
    notFound('cam', '../../x', 'dev, prod');
  });
});

describe('an edit of a layer', () => {
  test('starts from the file at its base, notes kept; where there is none, from nothing', async () => {
    await using scene = await openEditScene({
      ...startFiles,
      [base]: '{"$comment":"c","fps":30,"name":"a"}',
    });
    expect(await changesOf(scene, [merge('base', { fps: 20 }), merge('prod', { fps: 10 })])).toEqual([
      { kind: 'json', path: base, desired: { $comment: 'c', fps: 20, name: 'a' } },
      { kind: 'json', path: prod, desired: { fps: 10 } },
    ]);
    const whole = edit('base', { kind: 'replace', document: { fps: 5 } });
    expect(await changesOf(scene, [whole])).toMatchObject([{ desired: { $comment: 'c', fps: 5 } }]);
    expect(await changesOf(scene, [merge('base', { fps: 20 })], null)).toMatchObject([
      { desired: { fps: 20 } },
    ]);
  });

  test('follows an earlier one of the same layer', async () => {
    await using scene = await openEditScene();
    const ops = [
      { op: 'test', path: '/fps', value: 20 },
      { op: 'remove', path: '/name' },
    ];
    const both = [merge('base', { fps: 20 }), edit('base', { kind: 'json-patch', ops })];
    expect(await changesOf(scene, both)).toEqual([{ kind: 'json', path: base, desired: { fps: 20 } }]);
  });

  test('that leaves an absent layer empty makes no file, and removing one removes it', async () => {
    await using scene = await openEditScene({ ...startFiles, [prod]: '{"fps":1}' });
    expect(
      await changesOf(scene, [edit('dev', { kind: 'replace', document: {} }), edit('dev', null)]),
    ).toEqual([]);
    expect(await changesOf(scene, [edit('prod', null)])).toEqual([
      { kind: 'json', path: prod, desired: null },
    ]);
    expect(await scene.editor.commit(scene.requestOf())).toMatchObject({ changed: false });
  });

  test('of a broken file: the whole document replaces it, a patch cannot', async () => {
    await using scene = await openEditScene({ ...startFiles, [prod]: '{ "fps": ' });
    await expect(changesOf(scene, [merge('prod', { fps: 1 })])).rejects.toMatchObject({
      code: 'HW_EDIT_CONFLICT',
      details: { conflicts: [{ file: prod, pointer: '' }] },
    });
    const whole = edit('prod', { kind: 'replace', document: { fps: 2 } });
    await scene.editor.commit(scene.requestOf(...(await changesOf(scene, [whole]))));
    expect(await scene.read(prod)).toBe('{\n    "fps": 2\n}\n');
  });
});

test('a patch never takes away what it does not mention, whatever happened meanwhile', async () => {
  await using scene = await openEditScene();
  const old = scene.tip();
  await scene.commitByHand({ [base]: '{ "fps": 30.0, "name": "front", "tags": ["new"] }' });
  const files = await changesOf(scene, [merge('base', { log: { level: 'warn' } })], old);
  await scene.editor.commit({ ...scene.requestOf(...files), base: old });
  expect(await scene.read(base)).toBe(
    '{ "fps": 30.0, "name": "front", "tags": ["new"], "log": { "level": "warn" } }',
  );
});
