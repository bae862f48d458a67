import type { Receipt } from '@headwater/schemas/protocol';
import { describe, expect, test, vi } from 'vitest';
import { createLayerEdits } from './layer-edits.ts';
import { type EditScene, openEditScene } from './testing.ts';

vi.setConfig({ testTimeout: 60_000 });

const receipts = (connected: number, offline: number) => ({
  of: () =>
    [...Array(connected).fill('live'), ...Array(offline).fill('offline')].map(
      (state) => ({ state }) as Receipt,
    ),
});
const open = (scene: EditScene, connected = 0, offline = 0) =>
  createLayerEdits({
    ...scene.deps,
    editor: scene.editor,
    index: () => scene.engine.index,
    receipts: receipts(connected, offline),
  });
const request = (scene: EditScene, layer: string, document: object, message?: string) => ({
  actor: { name: 'Ada', email: 'ada@example.org' },
  ...(message === undefined ? {} : { message }),
  base: scene.tip(),
  edits: [{ service: 'cam', layer, change: { kind: 'replace' as const, document: document as never } }],
  requestId: 'r-1',
});

test('a layer reaches the environments that are made of it', async () => {
  await using scene = await openEditScene();
  const edits = open(scene);
  expect(edits.environmentsOf('cam', 'base')).toEqual(['dev', 'prod']);
  expect(edits.environmentsOf('cam', 'prod')).toEqual(['prod']);
  expect(edits.environmentsOf('cam', 'test')).toEqual([]);
  expect(edits.environmentsOf('none', 'base')).toEqual([]);
});

describe('a saved layer', () => {
  test('is a commit with a message of its own, or with the one that was given', async () => {
    await using scene = await openEditScene();
    const edits = open(scene);
    const result = await edits.commit(request(scene, 'prod', { fps: 12 }));
    expect(result).toMatchObject({ changed: true, applied: { prod: { cam: ['/fps'] } } });
    expect(scene.made.git('log', '-1', '--format=%s|%an')).toBe('Set fps to 12 in cam (prod)|Ada');
    await edits.commit(request(scene, 'prod', { fps: 13 }, 'Faster still'));
    expect(scene.made.git('log', '-1', '--format=%s')).toBe('Faster still');
  });

  test('that is tried first shows what it does and whom it reaches, and is not saved', async () => {
    await using scene = await openEditScene();
    const before = scene.tip();
    const dryRun = await open(scene, 2, 1).preview(request(scene, 'prod', { fps: 12 }));
    expect(dryRun.changes).toMatchObject([
      { env: 'prod', service: 'cam', settings: [{ pointer: '/fps', to: 12, apply: 'hot' }] },
    ]);
    expect(dryRun.reach).toEqual([{ env: 'prod', service: 'cam', live: 2, restart: 0 }]);
    expect(scene.tip()).toBe(before);
  });
});
