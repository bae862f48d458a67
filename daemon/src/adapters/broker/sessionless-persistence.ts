/**
 * What aedes keeps for a broker without sessions: retained messages by exact topic, and nothing else. Clients always start
 * clean (`clean: false` is refused), so there are no stored subscriptions and no offline queues to grow.
 */
import { Readable } from 'node:stream';
import type { RetainedIndex } from './retained-index.ts';

interface StoredPacket {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
}

export class SessionlessPersistence {
  readonly #retained: RetainedIndex;

  constructor(retained: RetainedIndex) {
    this.#retained = retained;
  }

  /** aedes insists on an async function here. */
  async setup(): Promise<void> {}

  async storeRetained(packet: StoredPacket): Promise<void> {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    this.#retained.store(packet.topic, payload, packet.qos === 0 ? 0 : 1);
  }

  /** Exact topics only, one look-up each; a filter with wildcards is refused before it comes here. */
  createRetainedStreamCombi(topics: readonly string[]): Readable {
    const found = topics.flatMap((topic) => this.#retained.get(topic) ?? []);
    return Readable.from(found.map((message) => ({ cmd: 'publish', retain: true, dup: false, ...message })));
  }

  createRetainedStream(topic: string): Readable {
    return this.createRetainedStreamCombi([topic]);
  }

  async subscriptionsByTopic(): Promise<readonly never[]> {
    return [];
  }

  async subscriptionsByClient(): Promise<readonly never[]> {
    return [];
  }

  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}
  async cleanSubscriptions(): Promise<void> {}
  async cleanIncoming(): Promise<void> {}

  async outgoingEnqueue(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingUpdate(): Promise<void> {}
  async outgoingClearMessageId(): Promise<undefined> {}

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  // QoS 2 is denied when it is published, so a client that goes on with its handshake is out of step.
  async incomingStorePacket(): Promise<void> {
    throw new Error('QoS 2 is not offered');
  }

  async incomingGetPacket(): Promise<void> {
    throw new Error('QoS 2 is not offered');
  }

  async incomingDelPacket(): Promise<void> {
    throw new Error('QoS 2 is not offered');
  }

  // A Last Will lives as long as its connection, and aedes keeps it there; a stored copy is for clusters.
  async putWill(): Promise<void> {}
  async getWill(): Promise<undefined> {}
  async delWill(): Promise<undefined> {}

  streamWill(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {}
}
