/**
 * Reads retained messages and knows when there is none, without waiting for a timer: a marker of our own, retained, is the
 * last topic of the same SUBSCRIBE. Brokers answer in order, so once the marker is back everything before it was answered.
 * A plain message after the SUBSCRIBE would not do: some brokers send retained messages from another queue.
 */
import { randomUUID } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { MqttSession, ReceivedMessage } from './mqtt-session.ts';

/** Topics per SUBSCRIBE: brokers silently drop what exceeds a client's queue, usually 100 or 1,000 messages. */
const BATCH = 50;
/** Only reached when the broker swallows the marker, which means that its access rules forbid it. */
const MARKER_TIMEOUT_MS = 10_000;

export interface RetainedReader {
  /** What the broker retains now; a topic without a message is absent. @throws as `MqttSession.publish`, `HW_BROKER_REFUSED`. */
  read(topics: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Takes part in every message of the session. Returns true for the marker, which nobody else should see. */
  observe(message: ReceivedMessage): boolean;
}

/**
 * @param markerTopic A topic that this daemon alone publishes and reads.
 * @param keep Filters that are subscribed for another reason and must stay.
 * @param markerTimeoutMs How long the broker may take to give the marker back.
 */
export function createRetainedReader(
  session: MqttSession,
  markerTopic: string,
  keep: ReadonlySet<string>,
  markerTimeoutMs = MARKER_TIMEOUT_MS,
): RetainedReader {
  let active: { readonly found: Map<string, Uint8Array>; readonly nonce: string; done(): void } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function readBatch(
    topics: readonly string[],
    nonce: string,
    found: Map<string, Uint8Array>,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<void>((resolve, reject) => {
      active = { found, nonce, done: resolve };
      timer = setTimeout(() => reject(markerLost(markerTopic)), markerTimeoutMs);
      session.over.then((reason) => reject(unreachable(reason)));
    });
    try {
      await Promise.all([session.subscribe([...topics, markerTopic]), answered]);
    } finally {
      clearTimeout(timer);
      active = undefined;
    }
  }

  async function readAll(topics: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    const nonce = randomUUID();
    await session.publish({ topic: markerTopic, payload: Buffer.from(nonce), retain: true, qos: 1 });
    let left: Promise<void> = Promise.resolve();
    for (let from = 0; from < topics.length; from += BATCH) {
      const some = topics.slice(from, from + BATCH);
      await readBatch(some, nonce, found);
      // The broker does it before the next SUBSCRIBE; waiting for its word would double the round trips of a large repository.
      left = Promise.all([
        left,
        session.unsubscribe([...some.filter((topic) => !keep.has(topic)), markerTopic]),
      ]).then(() => undefined);
      left.catch(() => undefined); // awaited below, and the next batch fails for the same reason
    }
    await left;
    await session.publish({ topic: markerTopic, payload: Buffer.alloc(0), retain: true, qos: 1 });
    return found;
  }

  return {
    read(topics) {
      if (topics.length === 0) return Promise.resolve(new Map());
      // One read at a time: they share the marker, and one must not end the other's subscriptions.
      const result = last.then(() => readAll([...new Set(topics)]));
      last = result.catch(() => undefined); // its caller gets the error; the next read starts anew
      return result;
    },
    observe({ topic, payload, retained }) {
      if (topic === markerTopic) {
        if (active !== undefined && Buffer.from(payload).toString() === active.nonce) active.done();
        return true;
      }
      if (retained) active?.found.set(topic, payload);
      return false;
    },
  };
}

function markerLost(topic: string): HeadwaterError {
  return new HeadwaterError('HW_BROKER_REFUSED', {
    message: `the broker did not give back what was published to ${topic}`,
    hint: `Allow the daemon's user to publish (retained) and to read ${topic}.`,
  });
}

function unreachable(reason: string): HeadwaterError {
  return new HeadwaterError('HW_BROKER_UNREACHABLE', {
    message: reason,
    hint: 'Start the broker or check its address; Headwater keeps trying.',
  });
}
