import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type HeadwaterClient } from './index.ts';
import { startTestBroker, type TestBroker } from './test-support/test-broker.ts';
import { MessageMaker } from './testing/message-maker.ts';

const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };
const prefix = 'headwater/tars';
const topics = {
  keys: `${prefix}/keys`,
  epoch: `${prefix}/prod/epoch`,
  snapshot: `${prefix}/prod/services/stt-worker/snapshot`,
  diff: `${prefix}/prod/services/stt-worker/diff`,
};

let folder: string;
let maker: MessageMaker;
const open: HeadwaterClient<never>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-client-'));
  maker = new MessageMaker(target);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
  await rm(folder, { recursive: true });
});

async function start(broker: { url: string }, more: object = {}): Promise<HeadwaterClient<JsonObject>> {
  const client = await connect({
    ...target,
    broker: broker.url,
    token: 'hw_test',
    instance: 'one',
    trust: maker.trust,
    keys: maker.keysText(),
    cacheDir: folder,
    stateDir: folder,
    environment: {},
    log: null,
    ...more,
  });
  open.push(client as never);
  return client;
}

const nextChange = (client: HeadwaterClient<JsonObject>) =>
  new Promise<unknown>((resolve) => {
    const stop = client.on('change', (event) => {
      stop();
      resolve(event);
    });
  });

async function publishFirst(broker: TestBroker): Promise<void> {
  await broker.publish(topics.keys, maker.keys());
  await broker.publish(topics.snapshot, maker.snapshot(maker.epoch(1), { a: 1 }));
  await broker.publish(topics.epoch, maker.statement(maker.epoch(1)));
}

test('a service gets its first config, follows a diff, and tells the broker what it runs', async () => {
  await using broker = await startTestBroker();
  await publishFirst(broker);
  const receiptTopic = `${prefix}/prod/services/stt-worker/clients/prod.stt-worker.one`;
  const client = await start(broker);
  expect(client.config).toEqual({ a: 1 });
  const change = nextChange(client);
  const receipt = broker.nextOn(receiptTopic, (text) => text.includes('"seq":2'));
  await broker.publish(
    topics.diff,
    maker.diff({ epoch: maker.epoch(1), config: { a: 1 } }, maker.epoch(2), { a: 2 }),
    { retain: false },
  );
  expect(await change).toMatchObject({
    previous: { a: 1 },
    current: { a: 2 },
    paths: ['/a'],
    changes: [{ path: '/a', from: 1, to: 2 }],
  });
  expect(client.config).toEqual({ a: 2 });
  expect(client.state).toBe('live');
  expect(JSON.parse(await receipt)).toMatchObject({ state: 'live', epoch: { seq: 2 }, env: 'prod' });
});

test('a service starts alone from its cached copy when the broker is gone', async () => {
  {
    await using broker = await startTestBroker();
    await publishFirst(broker);
    const client = await start(broker);
    await client.close();
  }
  const client = await start({ url: 'mqtt://127.0.0.1:1' });
  expect(client.config).toEqual({ a: 1 });
  expect(client.state).toBe('lkg');
});
