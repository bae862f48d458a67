import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { maxEnvelopeBytes } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type HeadwaterError, isHeadwaterError } from './index.ts';
import { newBench, next, topics } from './test-support/clients.ts';
import { startTestBroker } from './test-support/test-broker.ts';
import { newKey } from './testing/message-maker.ts';

/** Nothing listens on port 1. */
const nobody = 'mqtt://127.0.0.1:1';

// Jitter and back-off take the short way, so that healing takes a tenth of a second.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.02));
afterEach(() => vi.restoreAllMocks());

test('a service gets its first config, follows a diff, and tells the broker what it runs', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1, b: { c: 1 } });
  const client = await bench.connect(broker.url);
  expect(client.config).toEqual({ a: 1, b: { c: 1 } });
  const change = next(client, 'change');
  const receipt = broker.nextOn(topics.receipt, (text) => text.includes('"seq":2'));
  await bench.publishDiff(broker, [1, { a: 1, b: { c: 1 } }], [2, { a: 1, b: { c: 2 } }]);
  expect(await change).toMatchObject({
    previous: { a: 1, b: { c: 1 } },
    current: { a: 1, b: { c: 2 } },
    paths: ['/b/c'],
    changes: [{ path: '/b/c', from: 1, to: 2 }],
    epoch: { seq: 2 },
  });
  expect(client.config).toEqual({ a: 1, b: { c: 2 } });
  expect(Object.isFrozen(client.config.b)).toBe(true);
  expect(client.state).toBe('live');
  expect(JSON.parse(await receipt)).toMatchObject({ state: 'live', epoch: { seq: 2 }, instance: 'one' });
});

test('a service starts alone from its cached copy, and goes live by itself when the broker is there', async () => {
  await using bench = await newBench();
  {
    await using broker = await startTestBroker();
    await bench.publish(broker, 1, { a: 1 });
    await (await bench.connect(broker.url)).close();
  }
  await using broker = await startTestBroker();
  await bench.publish(broker, 2, { a: 2 });
  const alone = await bench.connect(nobody);
  expect(alone.config).toEqual({ a: 1 });
  expect(alone.state).toBe('lkg');
  expect(alone.explain('/a')).toMatchObject({ value: 1, source: 'lkg', epoch: { seq: 1 } });

  const client = await bench.connect(broker.url);
  expect(client.state).toBe('lkg');
  await next(client, 'change');
  expect(client.config).toEqual({ a: 2 });
  expect(client.atStart).toEqual({ a: 1 });
  expect(client.state).toBe('live');
});

test('without a cached copy and without a broker it fails with what to do, or runs on defaults when asked to', async () => {
  await using bench = await newBench();
  const error = await bench.connect(nobody, { firstConfigTimeoutMs: 50 }).catch((cause) => cause);
  expect(isHeadwaterError(error, 'HW_NO_CONFIG')).toBe(true);
  expect((error as HeadwaterError).message).toMatch(/HW_BROKER_UNREACHABLE/);

  const schema = {
    service: 'stt-worker',
    digest: `sha256:${'d'.repeat(64)}`,
    document: { type: 'object', properties: { a: { type: 'integer', default: 7 } } },
    defaults: { a: 7 },
  };
  const client = await bench.connect(nobody, { firstConfigTimeoutMs: 50, onStart: 'defaults', schema });
  expect(client.config).toEqual({ a: 7 });
  expect(client.state).toBe('defaults');
  expect(client.explain('/a')).toEqual({ value: 7, source: 'defaults', epoch: null });
});

test('a change is told only when it is on disk, so a crash in a listener never brings the old config back', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  const change = next(client, 'change').then(() =>
    readFileSync(join(bench.folder, 'tars', 'prod', 'stt-worker.lkg'), 'utf8'),
  );
  await bench.publishDiff(broker, [1, { a: 1 }], [2, { a: 2 }]);
  expect(JSON.parse((await change).split('\n')[1] as string)).toMatchObject({ epoch: { seq: 2 } });
});

test('a broker that lost everything it retained and comes back changes nothing; what is published next is followed', async () => {
  await using bench = await newBench();
  const first = await startTestBroker();
  await bench.publish(first, 1, { a: 1 });
  const client = await bench.connect(first.url);
  const { port } = first;
  await first[Symbol.asyncDispose]();
  await using second = await startTestBroker(port);
  await second.nextOn(topics.receipt);
  expect(client.config).toEqual({ a: 1 });
  const change = next(client, 'change');
  await bench.publishDiff(second, [1, { a: 1 }], [2, { a: 2 }]);
  expect((await change).current).toEqual({ a: 2 });
  expect(client.counters.connects).toBe(2);
});

test('a change missed during a cut is healed from the snapshot', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  const change = next(client, 'change');
  broker.cut();
  await bench.publishDiff(broker, [1, { a: 1 }], [2, { a: 2 }]);
  expect((await change).current).toEqual({ a: 2 });
  expect(client.counters.fetches).toBe(1);
});

test('a diff lost on the way is healed from the snapshot', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  await broker.whenSubscribed(topics.snapshot, false);
  const change = next(client, 'change');
  await bench.publishDiff(broker, [2, { a: 2 }], [3, { a: 3 }]);
  expect((await change).epoch.seq).toBe(3);
  expect(client.config).toEqual({ a: 3 });
  expect(client.counters.gaps).toBe(1);
});

test('forged, damaged, empty, misplaced, oversized and repeated messages change nothing and are counted', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  const { maker } = bench;
  const send = (topic: string, bytes: Uint8Array) => broker.publish(topic, bytes, { retain: false });
  const good = maker.snapshot(maker.epoch(2), { a: 666 });
  const damaged = new Uint8Array(good);
  damaged[damaged.length - 3] = (damaged[damaged.length - 3] as number) ^ 1;
  await send(topics.diff, maker.snapshot(maker.epoch(2), { a: 666 }, { by: [newKey()] }));
  await send(topics.diff, damaged);
  await send(topics.diff, new Uint8Array());
  await send(topics.epoch, good);
  await send(topics.diff, new Uint8Array(maxEnvelopeBytes + 1).fill(0x20));
  await send(topics.diff, maker.snapshot(maker.epoch(1), { a: 2 }));
  await send(topics.diff, maker.snapshot(maker.epoch(1), { a: 1 }));
  const change = next(client, 'change');
  await bench.publishDiff(broker, [1, { a: 1 }], [2, { a: 2 }]);
  expect((await change).previous).toEqual({ a: 1 });
  expect(client.counters).toMatchObject({
    setAside: 1,
    refused: {
      HW_SIGNATURE_INVALID: 1,
      HW_MESSAGE_EMPTY: 1,
      HW_MESSAGE_KIND: 1,
      HW_MESSAGE_TOO_LARGE: 1,
      HW_EQUIVOCATION: 1,
    },
  });
});

test('a removed service keeps its config and says so; a new snapshot revives it', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  const { maker } = bench;
  const removed = next(client, 'state', ({ state }) => state === 'removed');
  await broker.publish(topics.snapshot, maker.tombstone(maker.epoch(2)));
  await broker.publish(topics.diff, maker.tombstone(maker.epoch(2)), { retain: false });
  await removed;
  expect(client.config).toEqual({ a: 1 });

  await client.close();
  await broker.whenSubscribed(topics.diff, false);
  const again = await bench.connect(broker.url);
  expect(again.config).toEqual({ a: 1 });
  expect(again.state).toBe('removed');
  await broker.whenSubscribed(topics.diff, true);
  const live = next(again, 'state', ({ state }) => state === 'live');
  await broker.publish(topics.diff, maker.snapshot(maker.epoch(3), { a: 3 }), { retain: false });
  await live;
  expect(again.config).toEqual({ a: 3 });
});

test('the broker tells of a client that vanished, and a client that leaves says so itself', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  const will = broker.nextOn(topics.receipt, (text) => text.includes('offline'));
  broker.cut();
  expect(JSON.parse(await will)).toMatchObject({ state: 'offline', reason: 'connection-lost' });
  await broker.nextOn(topics.receipt, (text) => text.includes('live'));
  const goodbye = broker.nextOn(topics.receipt, (text) => text.includes('offline'));
  await client.close();
  const last = JSON.parse(await goodbye);
  expect(last).toMatchObject({ state: 'offline', epoch: { seq: 1 } });
  expect(last.reason).toBeUndefined();
  expect(client.state).toBe('offline');
});

test('a packet without end is cut off long before it fills the memory', async () => {
  await using bench = await newBench();
  const sockets: Socket[] = [];
  const closed = new Promise<number>((resolve) => {
    const server = createServer((socket) => {
      sockets.push(socket);
      let sent = 0;
      socket.on('error', () => {});
      socket.on('close', () => {
        server.close();
        resolve(sent);
      });
      socket.write(Buffer.from([0x20, 2, 0, 0])); // CONNACK
      socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])); // PUBLISH of 256 MB
      const feed = () => {
        if (socket.destroyed || sent > 64 * 1024 * 1024) return;
        sent += 65_536;
        socket.write(Buffer.alloc(65_536), feed);
      };
      feed();
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      bench.connect(`mqtt://127.0.0.1:${port}`, { firstConfigTimeoutMs: 300 }).catch(() => {});
    });
  });
  expect(await closed).toBeLessThan(8 * 1024 * 1024);
});

test('a listener that throws is counted and changes nothing', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url);
  client.on('change', () => {
    throw new Error('of the program');
  });
  const change = next(client, 'change');
  await bench.publishDiff(broker, [1, { a: 1 }], [2, { a: 2 }]);
  await change;
  expect(client.config).toEqual({ a: 2 });
  expect(client.counters.listenerErrors).toBe(1);
});

test('a cache that cannot be written is a warning that a program can still hear', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await bench.publish(broker, 1, { a: 1 });
  const client = await bench.connect(broker.url, { cacheDir: '/dev/null/nowhere' });
  expect((await next(client, 'warning')).code).toBe('HW_CACHE_UNAVAILABLE');
  expect(client.config).toEqual({ a: 1 });
});
