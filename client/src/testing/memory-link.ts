import type { Link, LinkHandlers } from '../link.ts';

/** A link without a broker: it keeps retained messages and delivers in order, as MQTT does. */
export interface MemoryLink extends Link {
  /** As a daemon would: kept for later subscribers when retained, delivered at once to a present one. */
  send(topic: string, bytes: Uint8Array, retain: boolean): void;
  /** Forgets what was retained. */
  wipe(): void;
  disconnect(): void;
  reconnect(): void;
  /** What the client published last, by topic. */
  readonly published: ReadonlyMap<string, string>;
  readonly subscribed: ReadonlySet<string>;
}

/** @param isConnected False: the broker is absent until `reconnect`. */
export function createMemoryLink(isConnected = true): MemoryLink {
  let handlers: LinkHandlers | null = null;
  let isUp = false;
  const retained = new Map<string, Uint8Array>();
  const subscribed = new Set<string>();
  const published = new Map<string, string>();

  function reconnect(): void {
    if (isUp || handlers === null) return;
    isUp = true;
    handlers.onConnect();
  }

  return {
    published,
    subscribed,
    open(given) {
      handlers = given;
      if (isConnected) reconnect();
    },
    subscribe(topics) {
      if (!isUp) return;
      for (const topic of topics) {
        subscribed.add(topic);
        const bytes = retained.get(topic);
        if (bytes) handlers?.onMessage(topic, bytes);
      }
    },
    unsubscribe(topics) {
      for (const topic of topics) subscribed.delete(topic);
    },
    publish(topic, payload) {
      if (isUp) published.set(topic, payload);
    },
    async close(topic, payload) {
      if (isUp) published.set(topic, payload);
      isUp = false;
      handlers = null;
    },
    send(topic, bytes, retain) {
      if (retain && bytes.length === 0) retained.delete(topic);
      else if (retain) retained.set(topic, bytes);
      if (isUp && subscribed.has(topic)) handlers?.onMessage(topic, bytes);
    },
    wipe: () => retained.clear(),
    disconnect() {
      if (!isUp) return;
      isUp = false;
      subscribed.clear();
      handlers?.onDisconnect();
    },
    reconnect,
  };
}
