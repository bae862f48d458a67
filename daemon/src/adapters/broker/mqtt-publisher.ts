import { setTimeout as delay } from 'node:timers/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Publisher, PublisherEvents } from '../../ports.ts';
import { backoffMs } from './backoff.ts';
import type { BrokerLog } from './broker-log.ts';
import { parseBrokerUrl } from './broker-url.ts';
import { type MqttSession, openMqttSession, type ReceivedMessage } from './mqtt-session.ts';
import { createRetainedReader, type RetainedReader } from './retained-reader.ts';
import { matchesFilter } from './topic-filter.ts';

export interface MqttPublisherOptions {
  /** `mqtt://host:1883` or `mqtts://host:8883`; may carry user name and password, which are never shown. */
  readonly url: string;
  /** Instead of those in the URL. */
  readonly username?: string;
  readonly password?: string;
  /** One per running daemon: a second connection with the same id ends the first. */
  readonly clientId: string;
  /** PEM certificates that sign the broker's, when it is not a public one. */
  readonly ca?: string;
  /** Retained message that the broker publishes for us when we are gone. */
  readonly will?: { readonly topic: string; readonly payload: Uint8Array };
  readonly log: BrokerLog;
}

/** A connection that lasted this long counts as good again, so the next loss is retried quickly. */
const STABLE_MS = 60_000;

/**
 * An outside broker, reconnected for ever. Nothing waits for a connection: `publish` fails at once without one, and the
 * pipeline publishes what is missing when `onConnect` tells that it is back.
 * @throws HeadwaterError `HW_OPTIONS_INVALID` for a URL that is none.
 */
export function createMqttPublisher(options: MqttPublisherOptions): Publisher {
  const { clientId, ca, will, log } = options;
  const parsed = parseBrokerUrl(options.url);
  const address = {
    ...parsed,
    username: options.username ?? parsed.username,
    password: options.password ?? parsed.password,
  };
  const markerTopic = will === undefined ? `${clientId}/sync` : `${folderOf(will.topic)}sync`;
  const stopping = new AbortController();
  let live: { readonly session: MqttSession; readonly reader: RetainedReader } | undefined;
  let running: Promise<void> = Promise.resolve();
  let lastReason = 'not connected yet';

  /** One connection, from the first byte to its end. Returns why it ended. */
  async function attempt(filters: readonly string[], events: PublisherEvents): Promise<string> {
    const followed = new Set(filters);
    const session = openMqttSession({
      address,
      clientId,
      ca,
      will,
      onMessage: (message) => receive(message),
    });
    const reader = createRetainedReader(session, markerTopic, followed);
    const receive = (message: ReceivedMessage): void => {
      if (reader.observe(message)) return;
      const { topic, payload } = message;
      if (filters.some((filter) => matchesFilter(filter, topic)))
        tell(() => events.onMessage({ topic, payload }));
    };
    const end = (): void => void session.end();
    stopping.signal.addEventListener('abort', end, { once: true });
    try {
      await session.ready;
      await session.subscribe(filters); // before `onConnect`: nothing that follows it may be missed
      live = { session, reader };
      log.info({ broker: address.display }, 'Broker connected');
      tell(() => events.onConnect());
      return await session.over;
    } catch (error) {
      return (error as Error).message;
    } finally {
      live = undefined;
      stopping.signal.removeEventListener('abort', end);
      await session.end();
    }
  }

  async function keepConnected(filters: readonly string[], events: PublisherEvents): Promise<void> {
    let failures = 0;
    let reported = '';
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      let connected = false;
      const reason = await attempt(filters, {
        ...events,
        onMessage: (message) => events.onMessage(message),
        onDisconnect: (why) => events.onDisconnect(why),
        onConnect() {
          connected = true;
          events.onConnect();
        },
      });
      if (stopping.signal.aborted) return;
      lastReason = reason;
      // A broker that stays away for the same reason is one piece of news, not one per attempt.
      if (connected || reason !== reported) {
        log.warn({ broker: address.display, reason }, 'Broker not reachable');
        tell(() => events.onDisconnect(reason));
      }
      reported = reason;
      if (connected && performance.now() - startedAt >= STABLE_MS) failures = 0;
      await delay(backoffMs(failures), undefined, { signal: stopping.signal }).catch(() => undefined); // close() ends the wait
      failures += 1;
    }
  }

  function tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      log.error({ err: error }, 'Broker event handler failed');
    }
  }

  function connected(): { readonly session: MqttSession; readonly reader: RetainedReader } {
    if (live !== undefined) return live;
    throw new HeadwaterError('HW_BROKER_UNREACHABLE', {
      message: `no connection to broker ${address.display}: ${lastReason}`,
      hint: 'Start the broker or check its address; Headwater keeps trying.',
      details: { broker: address.display },
    });
  }

  return {
    url: address.display,
    async start(filters, events) {
      running = keepConnected(filters, events);
    },
    publish: async (message) => connected().session.publish(message),
    readRetained: async (topics) => connected().reader.read(topics),
    async close() {
      lastReason = 'closed';
      stopping.abort();
      await running;
    },
  };
}

const folderOf = (topic: string): string => topic.slice(0, topic.lastIndexOf('/') + 1);
