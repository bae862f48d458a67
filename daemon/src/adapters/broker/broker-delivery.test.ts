import { isHeadwaterError } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { createBrokerScene, PREFIX } from '../../testing/broker-scene.ts';

const diff = `${PREFIX}/prod/services/stt/diff`;

test('a subscriber that stops reading is cut off, and the others miss nothing', async () => {
  await using scene = await createBrokerScene();
  const healthy = await scene.client('prod', 'stt', 'healthy');
  const stalled = await scene.client('prod', 'stt', 'stalled');
  for (const client of [healthy, stalled]) await client.subscribe([diff]);
  stalled.socket.pause();
  const payload = Buffer.alloc(50_000, 7);
  let got = 0;
  let cutAfter: number | undefined;
  for (let n = 0; n < 1_500; n += 1) {
    payload.writeUInt32BE(n);
    await scene.publish('prod/services/stt/diff', payload, false);
    // Read along, as a healthy client does.
    for (;;) {
      const packet = healthy.received.shift();
      if (packet === undefined) break;
      expect((packet as unknown as { payload: Buffer }).payload.readUInt32BE()).toBe(got);
      got += 1;
    }
    if (cutAfter === undefined && scene.broker.connectionCount === 1) cutAfter = n * payload.length;
  }
  // 4 MB of ours and what the two kernels hold: cut by what waits for it, not by a timer.
  expect(cutAfter).toBeLessThan(25_000_000);
  while (got < 1_500) {
    const packet = await healthy.next('publish');
    expect((packet as unknown as { payload: Buffer }).payload.readUInt32BE()).toBe(got);
    got += 1;
  }
  expect(scene.broker.connectionCount).toBe(1);
  stalled.socket.resume();
  await stalled.closed;
});

test('200 subscribers get each its own snapshot out of 10,000', async () => {
  await using scene = await createBrokerScene();
  for (let n = 0; n < 10_000; n += 1) void scene.publish(`prod/services/s${n}/snapshot`, `snapshot ${n}`);
  await scene.publish('prod/services/stt/snapshot', 'snapshot of stt');
  const clients = await Promise.all(
    Array.from({ length: 200 }, (_, n) => scene.client('prod', 'stt', `i${n}`)),
  );
  const answers = await Promise.all(
    clients.map(async (client) => {
      await client.subscribe([`${PREFIX}/prod/services/stt/snapshot`]);
      return client.next('publish');
    }),
  );
  for (const answer of answers) expect(answer).toMatchObject({ payload: Buffer.from('snapshot of stt') });
});

test('messages leave in the order they were published, awaited or not, retained or not', async () => {
  await using scene = await createBrokerScene();
  const client = await scene.client('prod', 'stt');
  const topics = ['schema', 'snapshot', 'diff'].map((kind) => `prod/services/stt/${kind}`);
  topics.push('prod/epoch');
  await client.subscribe(topics.map((topic) => `${PREFIX}/${topic}`));
  const expected: string[] = [];
  for (let round = 0; round < 50; round += 1) {
    for (const topic of topics) {
      expected.push(`${PREFIX}/${topic} ${round}`);
      void scene.publish(topic, String(round), !topic.endsWith('diff'));
    }
  }
  const order: string[] = [];
  while (order.length < expected.length) {
    const packet = (await client.next('publish')) as unknown as { topic: string; payload: Buffer };
    order.push(`${packet.topic} ${packet.payload}`);
  }
  expect(order).toEqual(expected);
});

test('a subscriber that asks for QoS 1 gets QoS 1 and may never acknowledge', async () => {
  await using scene = await createBrokerScene();
  const client = await scene.client('prod', 'stt');
  expect(await client.subscribe([diff], 1)).toEqual([1]);
  for (let n = 0; n < 300; n += 1) await scene.publish('prod/services/stt/diff', String(n), false);
  for (let n = 0; n < 300; n += 1) {
    expect(await client.next('publish')).toMatchObject({ qos: 1, payload: Buffer.from(String(n)) });
  }
});

test('a follower sees what is retained, then what comes, until it stops; one that throws harms nobody', async () => {
  await using scene = await createBrokerScene();
  await scene.publish('prod/services/stt/clients/prod.stt.a', 'kept');
  const seen: string[] = [];
  scene.broker.follow(`${PREFIX}/#`, () => {
    throw new Error('follower failed');
  });
  const stop = scene.broker.follow(`${PREFIX}/prod/services/+/clients/+`, ({ payload }) =>
    seen.push(String(payload)),
  );
  await scene.publish('prod/services/tts/clients/prod.tts.b', 'came');
  await scene.publish('prod/services/tts/diff', 'not mine', false);
  stop();
  await new Promise(setImmediate);
  await scene.publish('prod/services/tts/clients/prod.tts.b', 'later');
  expect(seen).toEqual(['kept', 'came']);
  expect(scene.log).toContain('MQTT follower failed');
});

test('publishing on a closed broker fails', async () => {
  const scene = await createBrokerScene();
  await scene.broker.close();
  await expect(scene.publish('keys', 'k')).rejects.toSatisfy((error) =>
    isHeadwaterError(error, 'HW_BROKER_UNREACHABLE'),
  );
  await scene[Symbol.asyncDispose]();
});
