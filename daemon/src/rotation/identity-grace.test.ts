import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadwaterError, type Receipt, recipientIdOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type IdentityRotation, openRotationStore } from '../adapters/data/rotation-store.ts';
import { Attention } from '../attention.ts';
import { type EditScene, openEditScene, startFiles } from '../editing/testing.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { createFakeAudit, type FakeAudit } from '../testing/fake-audit.ts';
import { makeTestKey, type TestKey } from '../testing/secrets-file.ts';
import { createIdentityGrace, type IdentityGrace } from './identity-grace.ts';

vi.setConfig({ testTimeout: 60_000 });

const path = 'services/cam/recipients.prod.txt';
const until = '2026-11-21T12:00:00.000Z';

let folder: string;
let old: TestKey;
let fresh: TestKey;
let time: number;
let receipts: Receipt[];
let connections: number;
let revoked: string[];
let problems: Problems;
let audit: FakeAudit;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-rotation-'));
  [old, fresh] = [await makeTestKey(), await makeTestKey()];
  [time, receipts, connections, revoked] = [Date.parse(until) - 1, [], 0, []];
  [problems, audit] = [new Problems(), createFakeAudit()];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const store = () => openRotationStore({ path: folder, lockDir: (name) => join(folder, 'locks', name) });
const rotation = (more: Partial<IdentityRotation> = {}): IdentityRotation => ({
  ...{ service: 'cam', env: 'prod', until, since: '2026-11-14T12:00:00.000Z' },
  oldRecipient: old.recipient,
  newRecipient: fresh.recipient,
  oldToken: 'abcdefghijkl',
  ...more,
});
const shows = (key: TestKey, instance = 'a', state: Receipt['state'] = 'live') =>
  ({
    instance,
    state,
    secrets: { rev: 'r', recipient: recipientIdOf(key.recipient, nodeCrypto) },
  }) as Receipt;
const open = () =>
  openEditScene({
    ...startFiles,
    '.sops.yaml': 'creation_rules: []\n',
    [path]: `# operators\n${fresh.recipient}\n# cam in prod, enrolled on x\n${old.recipient}\n`,
  });
function graceOn(scene: EditScene): IdentityGrace {
  const log = createLog({ stream: { write: () => {} }, level: 'silent' });
  return createIdentityGrace({
    store: store(),
    receipts: { of: (env, service) => (env === 'prod' && service === 'cam' ? receipts : []) },
    connections: () => connections,
    tokens: {
      async revoke(id) {
        if (id === 'gone') throw new HeadwaterError('HW_NOT_FOUND', { message: 'no such token' });
        revoked.push(id);
      },
    },
    editor: scene.editor,
    newest: () => (scene.engine.at ? { index: scene.engine.index, commit: scene.engine.at.commit } : null),
    ...{ reader: scene.deps.reader, readBlob: scene.deps.readBlob, audit, log, crypto: nodeCrypto },
    attention: new Attention(problems, log),
    clock: { now: () => time, monotonic: () => time },
  });
}

test('while it runs nothing changes; when it is over the old key goes with its comment in one commit, and the old token with it', async () => {
  await using scene = await open();
  const grace = graceOn(scene);
  await store().change(() => [rotation()]);
  receipts = [shows(fresh)];
  const before = scene.tip();
  await grace.look();
  expect([scene.tip(), revoked]).toEqual([before, []]);
  time += 1;
  await grace.look();
  expect(await scene.read(path)).toBe(`# operators\n${fresh.recipient}\n`);
  expect(scene.made.git('log', '-1', '--format=%an %s')).toBe(
    'Headwater Drop the old identity of cam in prod',
  );
  expect(revoked).toEqual(['abcdefghijkl']);
  expect(await store().list()).toEqual([]);
  expect(audit.entries).toMatchObject([
    {
      action: 'identity-rotate',
      ...{ service: 'cam', env: 'prod', commit: scene.tip() },
      details: { dropped: old.recipient, revoked: 'abcdefghijkl' },
    },
  ]);
  await grace.look();
  expect(audit.entries).toHaveLength(1);
});

test('an instance that shows the old key extends it, and a person is told by whom; an instance that is gone does not', async () => {
  await using scene = await open();
  const grace = graceOn(scene);
  await store().change(() => [rotation()]);
  time += 60_000;
  receipts = [shows(fresh), shows(old, 'robot-2')];
  await grace.look();
  expect(problems.list()).toMatchObject([
    { code: 'HW_ROTATION_OPEN', message: expect.stringContaining('robot-2 still open') },
  ]);
  expect(await scene.read(path)).toContain(old.recipient);
  receipts = [shows(fresh), shows(old, 'robot-2', 'offline')];
  connections = 1;
  await grace.look();
  expect(problems.list()[0]?.message).toContain('still use the old token');
  connections = 0;
  await grace.look();
  expect([problems.list(), await scene.read(path)]).toEqual([[], `# operators\n${fresh.recipient}\n`]);
});

test('it is ended by force, also when it has just begun and everybody uses the old one', async () => {
  await using scene = await open();
  await store().change(() => [rotation({ forced: true, oldToken: 'gone' })]);
  receipts = [shows(old)];
  await graceOn(scene).look();
  expect(await scene.read(path)).not.toContain(old.recipient);
  expect(await store().list()).toEqual([]);
});

test('when the new key was taken out again, the old one stays', async () => {
  await using scene = await open();
  await scene.commitByHand({ [path]: `${old.recipient}\n` });
  await scene.deps.branch.follow({ refresh: false });
  await store().change(() => [rotation({ forced: true })]);
  await graceOn(scene).look();
  expect(problems.list()).toMatchObject([
    { code: 'HW_ROTATION_OPEN', hint: expect.stringContaining('--rotate') },
  ]);
  expect(await scene.read(path)).toContain(old.recipient);
  expect(revoked).toEqual([]);
});

test('what cannot be done stays to be done: a branch that is refused, an audit that cannot be written', async () => {
  await using scene = await open();
  const grace = graceOn(scene);
  await store().change(() => [rotation({ forced: true })]);
  scene.refusal = new HeadwaterError('HW_HISTORY_REWRITTEN', { message: 'rewritten' });
  await grace.look();
  expect(problems.list()).toMatchObject([{ code: 'HW_HISTORY_REWRITTEN' }]);
  scene.refusal = null;
  audit.isBroken = true;
  await grace.look();
  expect(await store().list()).toHaveLength(1);
  audit.isBroken = false;
  await grace.look();
  expect([await store().list(), problems.list()]).toEqual([[], []]);
});

test('a damaged list is told, and does not stop the daemon', async () => {
  await using scene = await open();
  const grace = graceOn(scene);
  writeFileSync(join(folder, 'rotations.json'), '{"headwater":1,"rotations":[{}]}');
  await grace.look();
  expect(problems.list()).toMatchObject([{ code: 'HW_DATA_VERSION' }]);
  await expect(store().change(() => [])).rejects.toMatchObject({ code: 'HW_DATA_VERSION' });
  rmSync(join(folder, 'rotations.json'));
  await grace.look();
  expect(problems.list()).toEqual([]);
  await store().change((all) => [...all, rotation()]);
  expect(readFileSync(join(folder, 'rotations.json'), 'utf8')).not.toContain('AGE-SECRET');
});
