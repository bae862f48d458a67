import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../system-clock.ts';
import { createBrokerAuthenticator } from './broker-authenticator.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openTokenStore } from './token-store.ts';

let root: string;
let folder: DataFolder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-broker-auth-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
});
afterEach(async () => {
  await folder.release();
  await rm(root, { recursive: true, force: true });
});

test('the broker lets a service in under its own name only, and people not at all', async () => {
  const store = await openTokenStore(folder, systemClock);
  const broker = createBrokerAuthenticator(store);
  const robot = await store.create({ role: 'service', name: 'stt', env: 'dev', service: 'stt' });
  const person = await store.create({ role: 'admin', name: 'Ada', env: 'dev', service: 'stt' });
  const ask = (user: string | undefined, password: string | undefined) =>
    broker.authenticate(user, password === undefined ? undefined : Buffer.from(password));
  expect(await ask('dev/stt', robot.token)).toEqual({
    kind: 'service',
    env: 'dev',
    service: 'stt',
    tokenId: robot.record.id,
  });
  for (const user of [undefined, '', 'dev/tts', 'prod/stt', 'dev/stt/', 'dev', '#', '+/stt', 'DEV/STT']) {
    expect([user, await ask(user, robot.token)]).toEqual([user, null]);
  }
  expect(await ask('dev/stt', person.token)).toBeNull();
  expect(await ask('dev/stt', undefined)).toBeNull();
  expect(await ask('dev/stt', `${robot.token}${'x'.repeat(100_000)}`)).toBeNull();
  await store.revoke(robot.record.id);
  expect(await ask('dev/stt', robot.token)).toBeNull();
});
