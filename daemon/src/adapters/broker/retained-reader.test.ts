import { expect, test } from 'vitest';
import type { OutgoingMessage } from '../../ports.ts';
import type { MqttSession } from './mqtt-session.ts';
import { createRetainedReader } from './retained-reader.ts';

const MARKER = 't/daemons/d1/sync';

/** A session that says yes to everything and brings nothing by itself. */
function createSession() {
  const published: OutgoingMessage[] = [];
  const subscribed: string[][] = [];
  const session: MqttSession = {
    ready: Promise.resolve(),
    over: new Promise(() => undefined),
    publish: async (message) => void published.push(message),
    subscribe: async (filters) => void subscribed.push([...filters]),
    unsubscribe: async () => undefined,
    end: async () => undefined,
  };
  return { session, published, subscribed };
}

test('a marker left over from an earlier read does not end this one', async () => {
  const { session, published } = createSession();
  const reader = createRetainedReader(session, MARKER, new Set());
  const result = reader.read(['t/a']);
  await new Promise(setImmediate);
  reader.observe({ topic: MARKER, payload: Buffer.from('left over'), retained: true });
  await new Promise(setImmediate);
  reader.observe({ topic: 't/a', payload: Buffer.from('kept'), retained: true });
  reader.observe({ topic: MARKER, payload: published[0]?.payload ?? Buffer.alloc(0), retained: true });
  expect([...(await result).keys()]).toEqual(['t/a']);
});

test('the marker comes last in every subscription, and a subscription stays far below what brokers queue', async () => {
  const { session, published, subscribed } = createSession();
  const reader = createRetainedReader(session, MARKER, new Set());
  const result = reader.read(Array.from({ length: 120 }, (_, index) => `t/${index}`));
  for (let batch = 0; batch < 3; batch += 1) {
    await new Promise(setImmediate);
    reader.observe({ topic: MARKER, payload: published.at(-1)?.payload ?? Buffer.alloc(0), retained: true });
  }
  await result;
  expect(subscribed.map((filters) => [filters.length, filters.at(-1)])).toEqual([
    [51, MARKER],
    [51, MARKER],
    [21, MARKER],
  ]);
});

test('the marker is for nobody else', () => {
  const reader = createRetainedReader(createSession().session, MARKER, new Set());
  expect(reader.observe({ topic: MARKER, payload: Buffer.from('x'), retained: true })).toBe(true);
  expect(reader.observe({ topic: 't/a', payload: Buffer.from('x'), retained: true })).toBe(false);
});
