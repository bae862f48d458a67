/** The broker in memory: what was published, what is retained, and a cable to pull. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { matchesFilter } from '../adapters/broker/topic-filter.ts';
import type { OutgoingMessage, Publisher, PublisherEvents } from '../ports.ts';

export interface FakePublisher extends Publisher {
  /** Every acknowledged message, in order. */
  readonly published: readonly OutgoingMessage[];
  /** What the broker retains; write to it to set a scene. */
  readonly retained: Map<string, Uint8Array>;
  /** Pulls the cable: publishing fails until `reconnect`. */
  disconnect(reason?: string): void;
  /** Plugs it in again; `{ empty: true }` = the broker lost its retained messages meanwhile. */
  reconnect(options?: { readonly empty?: boolean }): void;
  /** The next `count` publishes fail as if the connection had dropped before the acknowledgement. */
  failNext(count: number): void;
  /** A message of somebody else arrives; `retain` as given. */
  receive(topic: string, payload: Uint8Array, retain?: boolean): void;
}

export function createFakePublisher(url = 'mqtt://127.0.0.1:7071'): FakePublisher {
  const published: OutgoingMessage[] = [];
  const retained = new Map<string, Uint8Array>();
  let listener: { readonly filters: readonly string[]; readonly events: PublisherEvents } | undefined;
  let connected = false;
  let closed = false;
  let failures = 0;

  function deliver(topic: string, payload: Uint8Array): void {
    if (!connected || !listener?.filters.some((filter) => matchesFilter(filter, topic))) return;
    try {
      listener.events.onMessage({ topic, payload });
    } catch {
      // As behind a real broker: what a handler throws never reaches the one who published.
    }
  }

  function keep(topic: string, payload: Uint8Array): void {
    if (payload.length === 0) retained.delete(topic);
    else retained.set(topic, payload);
  }

  function connect(): void {
    if (closed || connected || listener === undefined) return;
    connected = true;
    for (const [topic, payload] of [...retained]) deliver(topic, payload);
    listener.events.onConnect();
  }

  function requireConnection(): void {
    if (connected && !closed) return;
    throw new HeadwaterError('HW_BROKER_UNREACHABLE', {
      message: closed ? 'the connection to the broker is closed' : 'no connection to the broker',
      hint: 'Start the broker or check its address; Headwater keeps trying.',
    });
  }

  return {
    url,
    published,
    retained,
    async start(filters, events) {
      listener = { filters, events };
      setImmediate(connect);
    },
    async publish(message) {
      requireConnection();
      if (failures > 0) {
        failures -= 1;
        throw new HeadwaterError('HW_BROKER_UNREACHABLE', { message: 'the connection was closed' });
      }
      published.push(message);
      if (message.retain) keep(message.topic, message.payload);
      deliver(message.topic, message.payload);
    },
    async readRetained(topics) {
      requireConnection();
      return new Map(
        topics.flatMap((topic) => {
          const payload = retained.get(topic);
          return payload === undefined ? [] : [[topic, payload]];
        }),
      );
    },
    disconnect(reason = 'the connection was closed') {
      if (!connected) return;
      connected = false;
      listener?.events.onDisconnect(reason);
    },
    reconnect({ empty = false } = {}) {
      if (empty) retained.clear();
      connect();
    },
    failNext(count) {
      failures = count;
    },
    receive(topic, payload, retain = false) {
      if (retain) keep(topic, payload);
      deliver(topic, payload);
    },
    async close() {
      closed = true;
      connected = false;
    },
  };
}
