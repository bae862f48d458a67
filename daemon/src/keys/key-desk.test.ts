import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Receipt } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataFolder, openDataFolder } from '../adapters/data/data-folder.ts';
import { endSigningGrace, revokeSigningKey, rotateSigningKey } from '../adapters/data/key-changes.ts';
import { type KeyStore, openKeyStore } from '../adapters/data/key-store.ts';
import { Attention } from '../attention.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { createFakeAudit, type FakeAudit } from '../testing/fake-audit.ts';
import { createKeyDesk, type KeyDesk } from './key-desk.ts';

let root: string;
let folder: DataFolder;
let keys: KeyStore;
let desk: KeyDesk;
let time: number;
let told: number;
let receipts: Partial<Receipt>[];
let problems: Problems;
let audit: FakeAudit;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-key-desk-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
  keys = await openKeyStore(folder, nodeCrypto);
  [time, told, receipts] = [Date.parse('2026-11-21T12:00:00Z'), 0, []];
  await keys.keysMessage('tars', new Date(time));
  [problems, audit] = [new Problems(), createFakeAudit()];
  const log = createLog({ stream: { write: () => {} }, level: 'silent' });
  desk = createKeyDesk({
    keys,
    async onKeys() {
      told += 1;
    },
    endGrace: () => endSigningGrace(folder),
    receipts: { all: () => receipts as Receipt[] },
    ...{ audit, log, crypto: nodeCrypto },
    attention: new Attention(problems, log),
    clock: { now: () => time, monotonic: () => time },
  });
});
afterEach(async () => {
  await folder.release();
  await rm(root, { recursive: true, force: true });
});

const deps = () => ({ folder, crypto: nodeCrypto, now: time });
const holds = (version: number | undefined, state: Receipt['state'] = 'live'): Partial<Receipt> => ({
  ...{ env: 'prod', service: 'stt', instance: `robot-${version}`, state },
  ...(version === undefined ? {} : { keys: version }),
});

test('what a command wrote is taken over and told once', async () => {
  expect(await desk.reload()).toMatchObject({ version: 1, changed: false });
  await rotateSigningKey(deps(), 60_000);
  const after = await desk.reload();
  expect(after).toMatchObject({ version: 2, changed: true });
  expect([after.signing.length, told]).toEqual([2, 1]);
  await desk.reload();
  expect(told).toBe(1);
});

test('the old key signs along until its time is up and no connected service holds an older list', async () => {
  await rotateSigningKey(deps(), 60_000);
  await desk.reload();
  receipts = [holds(2), holds(1)];
  await desk.look();
  expect(keys.signingKeys).toHaveLength(2);
  time += 60_000;
  await desk.look();
  expect(problems.list()).toMatchObject([
    { code: 'HW_ROTATION_OPEN', message: expect.stringContaining('stt in prod (robot-1)') },
  ]);
  // One that is gone holds nobody up, nor one that is too old to say what it holds.
  receipts = [holds(2), holds(1, 'offline'), holds(undefined)];
  await desk.look();
  expect([keys.signingKeys.length, told, problems.list()]).toEqual([1, 2, []]);
  expect(audit.entries).toMatchObject([{ action: 'key-rotate', actor: { kind: 'daemon' } }]);
  await desk.look();
  expect(told).toBe(2);
});

test('a revocation ends it at once, whatever was told of it', async () => {
  await rotateSigningKey(deps(), 1);
  await desk.reload();
  time += 10;
  receipts = [holds(1)];
  await desk.look();
  expect(problems.list()).toHaveLength(1);
  const old = keys.keyring?.payload.signers[1]?.key as string;
  await revokeSigningKey(deps(), old);
  expect(await desk.reload()).toMatchObject({ version: 3, changed: true });
  expect([keys.signingKeys.length, problems.list()]).toEqual([1, []]);
});
