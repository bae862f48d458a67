/**
 * Retained messages by exact topic, in memory. A subscription to an exact topic costs one look-up, however many messages
 * there are (a library that tests every topic against each new filter needs a second for 200 clients at 10,000 topics).
 */
import { matchesFilter } from './topic-filter.ts';

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
}

export class RetainedIndex {
  readonly #messages = new Map<string, RetainedMessage>();
  readonly #folderBytes = new Map<string, number>();

  /** Keeps a message, replacing the one before; an empty payload clears the topic [MQTT-3.3.1-10]. */
  store(topic: string, payload: Buffer, qos: 0 | 1): void {
    const folder = folderOf(topic);
    const before = this.#messages.get(topic)?.payload.length ?? 0;
    const bytes = this.bytesBeside(topic) - before + payload.length;
    if (bytes === 0) this.#folderBytes.delete(folder);
    else this.#folderBytes.set(folder, bytes);
    if (payload.length === 0) this.#messages.delete(topic);
    else this.#messages.set(topic, { topic, payload: unpinned(payload), qos });
  }

  get(topic: string): RetainedMessage | undefined {
    return this.#messages.get(topic);
  }

  /** Bytes retained in the topics that differ from `topic` in their last level only, itself included. */
  bytesBeside(topic: string): number {
    return this.#folderBytes.get(folderOf(topic)) ?? 0;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** Every message that a filter with wildcards matches. Looks at all of them: for the daemon itself, never for clients. */
  *matching(filter: string): Generator<RetainedMessage> {
    for (const message of this.#messages.values()) {
      if (matchesFilter(filter, message.topic)) yield message;
    }
  }
}

const folderOf = (topic: string): string => topic.slice(0, topic.lastIndexOf('/') + 1);

/** A payload cut out of a large chunk would keep all of that chunk alive for as long as it is retained. */
function unpinned(payload: Buffer): Buffer {
  if (payload.buffer.byteLength <= 2 * payload.length) return payload;
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}
