/** The broker that services talk to: the daemon's own, or one outside. */
import { createEmbeddedBroker, type EmbeddedBroker } from '../adapters/broker/embedded-broker.ts';
import { createEmbeddedPublisher } from '../adapters/broker/embedded-publisher.ts';
import { createMqttPublisher } from '../adapters/broker/mqtt-publisher.ts';
import { createBrokerAuthenticator } from '../adapters/data/broker-authenticator.ts';
import type { TokenStore } from '../adapters/data/token-store.ts';
import { type HealthDeps, lastWill } from '../health-reporter.ts';
import type { Publisher } from '../ports.ts';
import type { Context } from './context.ts';

export interface OpenBroker {
  readonly publisher: Publisher;
  /** `null`: the broker is somebody else's. */
  readonly embedded: EmbeddedBroker | null;
}

/** @throws HeadwaterError `HW_PORT_TAKEN` and the like. An outside broker may be absent: it is connected to when it comes. */
export async function openBroker(
  context: Context,
  tokens: TokenStore,
  health: HealthDeps,
  prefix: string,
): Promise<OpenBroker> {
  const { config, log, scope } = context;
  const { publisher, embedded } =
    config.broker.kind === 'outside'
      ? connectOutside(config.broker)
      : await listenEmbedded(config.broker.listen);
  scope.defer(() => publisher.close());
  return { publisher, embedded };

  function connectOutside(broker: Extract<typeof config.broker, { kind: 'outside' }>): OpenBroker {
    const { kind: _, ...address } = broker;
    const will = lastWill(health, prefix);
    const clientId = `headwater-daemon-${health.daemonId}`;
    return { publisher: createMqttPublisher({ ...address, clientId, will, log }), embedded: null };
  }

  async function listenEmbedded(listen: typeof config.http): Promise<OpenBroker> {
    const authenticator = createBrokerAuthenticator(tokens);
    const broker = await createEmbeddedBroker({ listen, prefix, authenticator, log });
    scope.defer(() => broker.close());
    return { publisher: createEmbeddedPublisher(broker), embedded: broker };
  }
}
