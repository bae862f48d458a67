import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GuardedStream } from './guarded-stream.ts';

let near: Socket;
let far: Socket;
let close: () => Promise<void>;

beforeEach(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  [far] = (await accepted) as [Socket];
  close = async () => {
    near.destroy();
    far.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
});
afterEach(() => close());

const MB = 1024 * 1024;

test('never asks the writer to wait for a peer that does not read, and cuts that peer off above the limit', async () => {
  const stream = new GuardedStream(near, { maxPacketBytes: 1000, maxQueuedBytes: 4 * MB });
  const failed = once(stream, 'error');
  far.pause();
  const block = Buffer.alloc(MB);
  let writes = 0;
  while (!stream.destroyed) {
    expect(stream.write(block)).not.toBe(false);
    writes += 1;
    await new Promise(setImmediate);
  }
  const [error] = await failed;
  expect(isHeadwaterError(error, 'HW_SUBSCRIBER_STALLED')).toBe(true);
  expect(writes).toBeGreaterThan(4);
});

test('counts what a million tiny answers cost, not only their bytes', async () => {
  const stream = new GuardedStream(near, { maxPacketBytes: 1000, maxQueuedBytes: 4 * MB });
  const failed = once(stream, 'error');
  let writes = 0;
  while (!stream.destroyed && writes < 1_000_000) {
    stream.write(Buffer.alloc(2));
    writes += 1;
  }
  await failed;
  expect(writes).toBeLessThan(50_000);
});

test('forgets what was read: a peer that keeps up may receive any amount', async () => {
  const stream = new GuardedStream(near, { maxPacketBytes: 1000, maxQueuedBytes: 4 * MB });
  let got = 0;
  far.on('data', (chunk) => {
    got += chunk.length;
  });
  for (let n = 0; n < 2_000; n += 1) {
    await new Promise((resolve) => stream.write(Buffer.alloc(10_000), resolve));
  }
  while (got < 20_000_000) await once(far, 'data');
  expect(stream.destroyed).toBe(false);
});

test('stops taking from the network while its reader takes nothing', async () => {
  const stream = new GuardedStream(near, { maxPacketBytes: MB, maxQueuedBytes: 4 * MB });
  const packet = Buffer.concat([Buffer.from([0x30, 0xfd, 0x3f]), Buffer.alloc(8189)]); // 8 KiB
  const flooded = once(far, 'drain');
  let sent = 0;
  while (sent < 64 * MB) {
    far.write(packet);
    sent += packet.length;
  }
  // Everything the kernel would take is taken once the reading side has stopped; what we hold stays small.
  await Promise.race([flooded, settledAt(() => near.bytesRead)]);
  expect(near.bytesRead).toBeLessThan(2 * MB);
  stream.destroy();
});

test('refuses a packet over the limit as soon as its length is known', async () => {
  const stream = new GuardedStream(near, { maxPacketBytes: 1000, maxQueuedBytes: 4 * MB });
  stream.resume();
  const failed = once(stream, 'error');
  far.write(Buffer.from([0x10, 0xff, 0xff, 0x7f])); // CONNECT of 2 MB, nothing of it sent
  const [error] = await failed;
  expect(isHeadwaterError(error, 'HW_MESSAGE_TOO_LARGE')).toBe(true);
  await once(far.resume(), 'close');
});

/** Resolves when a number has not changed for ten turns of the event loop that each had input to handle. */
async function settledAt(value: () => number): Promise<void> {
  let same = 0;
  let last = value();
  while (same < 10) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    same = value() === last ? same + 1 : 0;
    last = value();
  }
}
