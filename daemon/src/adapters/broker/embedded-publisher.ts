import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Publisher } from '../../ports.ts';
import type { EmbeddedBroker } from './embedded-broker.ts';

export interface EmbeddedPublisherOptions {
  /** Where services reach the broker, when that is not the address it listens on: `mqtt://config.example:7071`. */
  readonly url?: string;
}

/** The embedded broker as the pipeline sees it: always connected, acknowledged once every subscriber's socket has the message. */
export function createEmbeddedPublisher(
  broker: EmbeddedBroker,
  options: EmbeddedPublisherOptions = {},
): Publisher {
  const following: Array<() => void> = [];
  let open = true;
  let connected = false;

  return {
    url: options.url ?? urlOf(broker.address),
    async start(filters, events) {
      for (const filter of filters) {
        following.push(broker.follow(filter, (message) => open && events.onMessage(message)));
      }
      // Later, as with a broker across the network: callers finish their own start first.
      setImmediate(() => {
        if (!open) return;
        connected = true;
        events.onConnect();
      });
    },
    publish: (message) => (connected ? broker.publish(message) : Promise.reject(notConnected())),
    async readRetained(topics) {
      if (!connected) throw notConnected();
      const found = new Map<string, Uint8Array>();
      for (const topic of topics) {
        const payload = broker.retained(topic);
        if (payload !== undefined) found.set(topic, payload);
      }
      return found;
    },
    async close() {
      open = false;
      connected = false;
      for (const stop of following.splice(0)) stop();
    },
  };
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `mqtt://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function notConnected(): HeadwaterError {
  return new HeadwaterError('HW_BROKER_UNREACHABLE', {
    message: 'the embedded broker is not connected',
    hint: 'The daemon is starting or stopping; try again when it is ready.',
  });
}
