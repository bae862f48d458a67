/** An embedded broker with three services that may sign in, and clients that are gone with it. */
import { createEmbeddedBroker, type EmbeddedBroker } from '../adapters/broker/embedded-broker.ts';
import type { BrokerLimits } from '../adapters/broker/limits.ts';
import type { BrokerAuthenticator, BrokerIdentity } from '../ports.ts';
import { RawMqtt } from './raw-mqtt.ts';

export const PREFIX = 'headwater/tars';

const identity = (env: string, service: string): BrokerIdentity => ({
  kind: 'service',
  env,
  service,
  tokenId: `${env}-${service}`,
});

const TOKENS: Readonly<Record<string, BrokerIdentity>> = {
  'token-of-prod-stt': identity('prod', 'stt'),
  'token-of-prod-tts': identity('prod', 'tts'),
  'token-of-dev-stt': identity('dev', 'stt'),
};

export interface BrokerScene extends AsyncDisposable {
  readonly broker: EmbeddedBroker;
  /** Constant phrases of warnings and errors, in order. */
  readonly log: string[];
  /** A TCP connection that has said nothing yet. */
  stranger(): RawMqtt;
  /** A service that signed in. */
  client(env: string, service: string, instance?: string): Promise<RawMqtt>;
  publish(topic: string, payload: string | Buffer, retain?: boolean): Promise<void>;
}

export interface BrokerSceneOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly authenticator?: BrokerAuthenticator;
}

export async function createBrokerScene(options: BrokerSceneOptions = {}): Promise<BrokerScene> {
  const log: string[] = [];
  const note = (_fields: object, phrase: string): void => void log.push(phrase);
  const broker = await createEmbeddedBroker({
    listen: { host: '127.0.0.1', port: 0 },
    prefix: PREFIX,
    authenticator: options.authenticator ?? {
      authenticate: async (_user, password) => TOKENS[String(password)] ?? null,
    },
    log: { debug() {}, info() {}, warn: note, error: note },
    limits: options.limits ?? {},
  });
  const clients: RawMqtt[] = [];
  const stranger = (): RawMqtt => {
    const client = new RawMqtt(broker.address);
    clients.push(client);
    return client;
  };
  return {
    broker,
    log,
    stranger,
    async client(env, service, instance = 'one') {
      const client = stranger();
      const answer = await client.connect({
        clientId: `${env}.${service}.${instance}`,
        username: `${env}/${service}`,
        password: `token-of-${env}-${service}`,
      });
      if (answer !== 0) throw new Error(`expected to be let in, got ${answer}`);
      return client;
    },
    publish: (topic, payload, retain = true) =>
      broker.publish({ topic: `${PREFIX}/${topic}`, payload: Buffer.from(payload), retain, qos: 1 }),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.crash()));
      await broker.close();
    },
  };
}
