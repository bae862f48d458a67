/**
 * An MQTT 3.1.1 broker inside the daemon: aedes, made safe to leave open to every service. What it needs on top, each in its
 * own file with its own test: `guarded-stream` (packet sizes, stalled subscribers), `retained-index` (look-ups instead of
 * scans), `access-hooks` (who may do what), `sessionless-persistence` (nothing that grows), `limits`.
 *
 * Retained messages are in memory only; the daemon publishes them again when it starts.
 */

import type { EventEmitter } from 'node:events';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { Aedes } from 'aedes';
import type { BrokerAuthenticator, BrokerIdentity, IncomingMessage, OutgoingMessage } from '../../ports.ts';
import { createAccessHooks } from './access-hooks.ts';
import type { BrokerLog } from './broker-log.ts';
import { Connections } from './connections.ts';
import { GuardedStream } from './guarded-stream.ts';
import { type BrokerLimits, DEFAULT_BROKER_LIMITS } from './limits.ts';
import { type ListenAddress, listen } from './listen.ts';
import { RetainedIndex } from './retained-index.ts';
import { SessionlessPersistence } from './sessionless-persistence.ts';

export interface EmbeddedBrokerOptions {
  readonly listen: ListenAddress;
  /** Prefix of all topics, without wildcards. */
  readonly prefix: string;
  readonly authenticator: BrokerAuthenticator;
  readonly log: BrokerLog;
  readonly limits?: Partial<BrokerLimits>;
}

export interface EmbeddedBroker {
  /** Where it listens, the real port included. */
  readonly address: ListenAddress;
  /**
   * Stores (when retained) and hands the message to every subscriber's socket; resolves then. The payload is not copied and
   * must not change afterwards. Messages leave in the order of the calls, awaited or not.
   * @throws HeadwaterError `HW_BROKER_UNREACHABLE` after `close`.
   */
  publish(message: OutgoingMessage): Promise<void>;
  /** The retained message of an exact topic. */
  retained(topic: string): Uint8Array | undefined;
  /** Calls `handler` with what is retained below `filter` now, then with every message. Returns a function that ends it. */
  follow(filter: string, handler: (message: IncomingMessage) => void): () => void;
  /** Cuts the connections of these identities, after a token was revoked. Returns how many. */
  closeConnections(predicate: (identity: BrokerIdentity) => boolean): number;
  /** Connections of these identities that are open. */
  countConnections(predicate: (identity: BrokerIdentity) => boolean): number;
  /** Signed-in clients. */
  readonly connectionCount: number;
  close(): Promise<void>;
}

/**
 * Starts a broker.
 * @throws HeadwaterError `HW_PORT_TAKEN`, `HW_LISTEN_FAILED`, `HW_OPTIONS_INVALID`.
 */
export async function createEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { prefix, authenticator, log } = options;
  requireExactPrefix(prefix);
  const limits: BrokerLimits = { ...DEFAULT_BROKER_LIMITS, ...options.limits };
  const retained = new RetainedIndex();
  const connections = new Connections(limits.maxConnectionsPerUser);
  const aedes = await Aedes.createBroker({
    ...createAccessHooks({ prefix, authenticator, connections, retained, limits, log }),
    persistence: new SessionlessPersistence(retained),
    concurrency: 0, // unlimited: with a window, deliveries to one client hold back all others once it is full
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    keepaliveLimit: limits.maxKeepaliveSeconds,
    maxTopicLevels: limits.maxTopicLevels,
    queueLimit: limits.queueLimit,
    maxClientsIdLength: 256, // of MQTT 3.1 clients; our ids have three names
  });
  aedes.on('clientError', (client, error) =>
    log.debug({ clientId: client.id, reason: error.message }, 'MQTT client failed'),
  );
  aedes.on('connectionError', (_client, error) =>
    log.debug({ reason: error.message }, 'MQTT connection failed'),
  );

  // Not in its types, and an unheard 'error' event would end the process.
  (aedes as EventEmitter).on('error', (error: Error) => log.error({ err: error }, 'MQTT broker failed'));

  const streams = new Set<GuardedStream>();
  const { server, address } = await listen(options.listen, limits.maxConnections, (socket) => {
    const stream = new GuardedStream(socket, {
      maxPacketBytes: limits.maxConnectBytes,
      maxQueuedBytes: limits.maxQueuedBytes,
    });
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    aedes.handle(stream);
  }).catch(async (error: unknown) => {
    await closed(aedes);
    throw error;
  });
  let open = true;

  return {
    address,
    publish({ topic, payload, retain, qos }) {
      if (!open) return Promise.reject(brokerClosed());
      const bytes = asBuffer(payload);
      // Stored here and published unretained: aedes takes more turns for a retained message than for others, which would let
      // a later message overtake it, and a live delivery carries no retain flag anyway [MQTT-3.3.1-9].
      if (retain) retained.store(topic, bytes, qos);
      return new Promise((resolve, reject) => {
        aedes.publish({ cmd: 'publish', topic, payload: bytes, qos, retain: false, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    },
    retained: (topic) => retained.get(topic)?.payload,
    follow(filter, handler) {
      const deliver = (message: IncomingMessage): void => {
        try {
          handler(message);
        } catch (error) {
          log.error({ err: error, topic: message.topic }, 'MQTT follower failed');
        }
      };
      const listener = (packet: { topic: string; payload: Buffer | string }, done: () => void): void => {
        // The library's own `$SYS` traffic matches "#" in its emitter; by the rules of MQTT it does not [MQTT-4.7.2-1].
        if (!packet.topic.startsWith('$') || filter.startsWith('$')) {
          deliver({ topic: packet.topic, payload: asBuffer(packet.payload) });
        }
        done();
      };
      aedes.subscribe(filter, listener, noop);
      for (const message of retained.matching(filter)) deliver(message);
      return () => aedes.unsubscribe(filter, listener, noop);
    },
    closeConnections: (predicate) => connections.destroyWhere(predicate),
    countConnections: (predicate) => connections.countWhere(predicate),
    get connectionCount() {
      return connections.size;
    },
    async close() {
      if (!open) return;
      open = false;
      const serverClosed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const stream of streams) stream.destroy();
      await serverClosed;
      await closed(aedes);
    },
  };
}

function requireExactPrefix(prefix: string): void {
  if (/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(prefix)) return;
  throw new HeadwaterError('HW_OPTIONS_INVALID', {
    message: `${JSON.stringify(prefix)} is not a topic prefix`,
    hint: 'Use letters, digits, ".", "_" and "-", levels separated by "/".',
  });
}

function asBuffer(payload: Uint8Array | string): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (Buffer.isBuffer(payload)) return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

function brokerClosed(): HeadwaterError {
  return new HeadwaterError('HW_BROKER_UNREACHABLE', {
    message: 'the embedded broker is closed',
    hint: 'The daemon is stopping; start it again.',
  });
}

const closed = (aedes: Aedes): Promise<void> => new Promise((resolve) => aedes.close(resolve));

/** aedes wants a callback where nothing is waited for. */
function noop(): void {}
