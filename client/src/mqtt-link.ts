/**
 * The MQTT connection: mqtt.js with the options that measurements asked for, over a socket of our own so that delays (Nagle) and
 * endless packets are dealt with before its parser. MQTT 3.1.1, QoS 0 subscriptions to exact topics, clean sessions.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HeadwaterError, maxEnvelopeBytes } from '@headwater/schemas/protocol';
import type { IClientOptions, MqttClient } from 'mqtt';
import { createBackOff, firstDelayMs } from './back-off.ts';
import type { Link, LinkHandlers } from './link.ts';
import { PacketGuard } from './packet-guard.ts';

export interface MqttLinkOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly broker: string;
  /** PEM text of the authority that signed the broker's certificate; the system's authorities otherwise. */
  readonly ca?: string | undefined;
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  /** Published by the broker when this client vanishes. */
  readonly will: { readonly topic: string; readonly payload: string };
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Seconds. A dead link is noticed within one and a half of it. */
const keepaliveSeconds = 15;
/** Topic, packet id and the like around the largest message, in bytes. */
const packetOverheadBytes = 64 * 1024;
/** How long `close` waits for the broker to acknowledge the last receipt. */
const closeTimeoutMs = 1_000;

export function createMqttLink(options: MqttLinkOptions): Link {
  // Loading mqtt.js takes longer than everything else at start. One turn later the cached config is already in use, also in a
  // bundle, where a dynamic import runs at once.
  const loading = new Promise((resolve) => setImmediate(resolve)).then(loadClientClass);
  loading.catch(() => {}); // told in `open`; a client that is never opened does not need it
  let client: MqttClient | null = null;
  let isClosed = false;
  let tell: LinkHandlers['onTrouble'] = () => {};

  return {
    open(handlers) {
      tell = handlers.onTrouble;
      loading.then(
        (Client) => {
          if (!isClosed) client = startClient(Client, options, handlers);
        },
        (cause: unknown) => handlers.onTrouble(unreachable(options.broker, cause)),
      );
    },
    subscribe(topics) {
      if (!client?.connected) return;
      client.subscribe([...topics], { qos: 0 }, (error) => {
        if (error?.message.startsWith('Subscribe error')) tell(notAllowed(options, topics));
      });
    },
    unsubscribe(topics) {
      if (client?.connected) client.unsubscribe([...topics], ignoreClosing);
    },
    publish(topic, payload) {
      if (client?.connected) client.publish(topic, payload, { qos: 1, retain: true }, ignoreClosing);
    },
    async close(topic, payload) {
      isClosed = true;
      if (client) await closeClient(client, topic, payload);
    },
  };
}

/** The client class alone: the package's main module would load web sockets and proxies too, 30 ms more at start. */
async function loadClientClass(): Promise<typeof MqttClient> {
  const module = await import('mqtt/lib/client');
  // A bundler may hand over a CommonJS module as `default` only, whole.
  const value = module.default as typeof MqttClient | { readonly default: typeof MqttClient };
  return 'default' in value ? value.default : value;
}

/** A connection that closes meanwhile fails these calls; the next one starts over anyway. */
function ignoreClosing(): void {}

function startClient(
  Client: typeof MqttClient,
  options: MqttLinkOptions,
  handlers: LinkHandlers,
): MqttClient {
  const now = options.now ?? (() => performance.now());
  const backOff = createBackOff(options.random ?? Math.random);
  const settings: IClientOptions = {
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    keepalive: keepaliveSeconds,
    // Its packet cache costs 20 ms and 15 MB at start; its offline queue would grow without limit.
    writeCache: false,
    queueQoSZero: false,
    // Without it one refused CONNACK (a broker that is still starting) ends reconnection for good.
    reconnectOnConnackError: true,
    // The machine subscribes anew on every connect, in its own order.
    resubscribe: false,
    reconnectPeriod: firstDelayMs, // set anew whenever a connection is lost
    will: { ...options.will, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
  };
  const client = new Client(() => openSocket(options), settings);
  let isUp = false;
  client.on('connect', () => {
    isUp = true;
    backOff.connected(now());
    handlers.onConnect();
  });
  // Before the library's own listener: it reads the period there to set its timer.
  client.prependListener('close', () => {
    client.options.reconnectPeriod = backOff.next(now());
    if (isUp) handlers.onDisconnect();
    isUp = false;
  });
  client.on('message', (topic, payload) => handlers.onMessage(topic, payload));
  client.on('error', (cause) => handlers.onTrouble(troubleOf(options.broker, cause)));
  return client;
}

function openSocket(options: MqttLinkOptions): Socket {
  const url = new URL(options.broker);
  const isTls = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (isTls ? 8883 : 1883));
  const socket = isTls
    ? connectTls({
        host,
        port,
        servername: /^[\d.]+$|:/.test(host) ? '' : host,
        ...(options.ca ? { ca: options.ca } : {}),
      })
    : connectTcp({ host, port });
  // mqtt.js writes one message in several parts; Nagle would hold the last part back for 40 ms.
  socket.setNoDelay(true);
  const guard = new PacketGuard(maxEnvelopeBytes + packetOverheadBytes);
  socket.on('data', (chunk: Uint8Array) => {
    if (!guard.accepts(chunk)) socket.destroy(tooLarge());
  });
  return socket;
}

function closeClient(client: MqttClient, topic: string, payload: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      client.off('close', done);
      // Ends a reconnection that may be planned, and the socket if it is still there.
      client.end(true);
      client.stream?.destroy();
      resolve();
    };
    const timer = setTimeout(done, closeTimeoutMs);
    if (!client.connected) return done();
    client.once('close', done); // also when the broker goes first: nobody will acknowledge then
    // DISCONNECT after the acknowledgement, so that the broker has the receipt and forgets the will.
    client.publish(topic, payload, { qos: 1, retain: true }, () => client.end(false));
  });
}

/** CONNACK codes 4 and 5: bad user name or password, not authorised. */
function troubleOf(broker: string, cause: Error & { code?: unknown }): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause;
  if (cause.code !== 4 && cause.code !== 5) return unreachable(broker, cause);
  return new HeadwaterError('HW_BROKER_REFUSED', {
    message: `the broker at ${withoutUser(broker)} refused this service's token`,
    hint: 'It may have been revoked. Enroll the service again with `headwater enroll`.',
    cause,
  });
}

function unreachable(broker: string, cause: unknown): HeadwaterError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new HeadwaterError('HW_BROKER_UNREACHABLE', {
    message: `no connection to the broker at ${withoutUser(broker)}: ${reason}`,
    hint: 'The client keeps trying. Check that the daemon runs and that the address in the connection file is right.',
    cause,
  });
}

function notAllowed({ broker, username }: MqttLinkOptions, topics: readonly string[]): HeadwaterError {
  return new HeadwaterError('HW_BROKER_REFUSED', {
    message: `the broker at ${withoutUser(broker)} does not let ${username} read ${topics.join(', ')}`,
    hint: 'Check that deployment, env and service are those of the token, and the access rules of the broker.',
    details: { topics },
  });
}

function withoutUser(broker: string): string {
  const { protocol, host } = new URL(broker);
  return `${protocol}//${host}`;
}

function tooLarge(): Error & { code: string } {
  const error = new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
    message: `the broker announced a packet of more than ${maxEnvelopeBytes + packetOverheadBytes} bytes`,
    hint: 'The connection was closed. Check what else runs at that address.',
  });
  return error;
}
