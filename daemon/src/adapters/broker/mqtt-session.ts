/**
 * One connection to an outside broker, from CONNECT to the end; a new connection is a new object. So nothing of a lost one
 * survives: mqtt.js would otherwise send unacknowledged messages again after a reconnect, and an old snapshot would replace
 * a newer one.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { MqttClient } from 'mqtt';
import type { OutgoingMessage } from '../../ports.ts';
import type { BrokerAddress } from './broker-url.ts';
import { GuardedStream } from './guarded-stream.ts';
import { DEFAULT_BROKER_LIMITS } from './limits.ts';

export interface MqttSessionOptions {
  readonly address: BrokerAddress;
  readonly clientId: string;
  /** PEM certificates that sign the broker's, when it is not a public one. */
  readonly ca?: string | undefined;
  readonly will?: { readonly topic: string; readonly payload: Uint8Array } | undefined;
  readonly onMessage: (message: ReceivedMessage) => void;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True for the answer to a subscription, false for a message published now. */
  readonly retained: boolean;
}

export interface MqttSession {
  /** Settles once the broker let us in or did not. @throws HeadwaterError `HW_BROKER_UNREACHABLE`, `HW_BROKER_REFUSED`. */
  readonly ready: Promise<void>;
  /** Resolves with the reason once the connection is over. */
  readonly over: Promise<string>;
  /** Resolves at PUBACK. @throws HeadwaterError `HW_BROKER_UNREACHABLE` when the connection ends first. */
  publish(message: OutgoingMessage): Promise<void>;
  /** Subscribes with QoS 0. @throws HeadwaterError `HW_BROKER_REFUSED` when one filter is denied; else as `publish`. */
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Says goodbye, so that the Last Will is not published, and resolves when the socket is closed. */
  end(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_SECONDS = 15;
const GOODBYE_TIMEOUT_MS = 500;
const SUBACK_DENIED = 0x80;

type Done = (error?: Error | null) => void;

export function openMqttSession(options: MqttSessionOptions): MqttSession {
  const { address, will } = options;
  const client = new MqttClient(() => openSocket(options), {
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: options.clientId,
    clean: true,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    writeCache: false, // filling it costs 20 ms and 10 MB at start
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(will === undefined
      ? {}
      : { will: { topic: will.topic, payload: asBuffer(will.payload), qos: 1 as const, retain: true } }),
  });

  const waiting = new Set<(error: HeadwaterError) => void>();
  let failure: Error | undefined;
  let isOver = false;

  const over = new Promise<string>((resolve) => {
    client.on('error', (error) => {
      failure ??= error;
      client.end(true);
    });
    client.stream.on('error', (error: Error) => {
      failure ??= error;
    });
    client.on('close', () => {
      if (isOver) return;
      isOver = true;
      const error = explain(failure, address);
      for (const reject of waiting) reject(error);
      waiting.clear();
      client.end(true);
      resolve(error.message);
    });
  });
  client.on('message', (topic, payload, packet) =>
    options.onMessage({ topic, payload, retained: packet.retain }),
  );

  /** Runs one exchange with the broker; whatever it waits for, the end of the connection ends it. */
  function exchange<T>(
    start: (done: (error?: Error | null, result?: T) => void) => void,
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (isOver) return reject(explain(failure, address));
      waiting.add(reject);
      return start((error, result) => {
        waiting.delete(reject);
        if (error) reject(explain(failure ?? error, address));
        else resolve(result);
      });
    });
  }

  return {
    ready: exchange<void>((done) => void client.once('connect', () => done())),
    over,
    async publish({ topic, payload, retain, qos }) {
      await exchange<void>((done) => {
        client.publish(topic, asBuffer(payload), { qos, retain }, done as Done);
      });
    },
    async subscribe(filters) {
      if (filters.length === 0) return;
      const granted = await exchange<readonly unknown[]>((done) => {
        client.subscribe([...filters], { qos: 0 }, (error, _grants, suback) => {
          // A denied filter comes as an error without a name; the packet says which one it was.
          if (suback === undefined) done(error ?? new Error('no SUBACK'));
          else done(null, suback.granted);
        });
      });
      const denied = filters.find((_filter, index) => granted?.[index] === SUBACK_DENIED);
      if (denied !== undefined) throw refused(address, `the broker denied reading ${denied}`);
    },
    async unsubscribe(filters) {
      if (filters.length === 0) return;
      await exchange<void>((done) => void client.unsubscribe([...filters], done as Done));
    },
    async end() {
      // What waits for an acknowledgement would hold back the goodbye, for ever if the broker is stuck.
      for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
      if (!isOver) client.end(!client.connected);
      const timer = setTimeout(() => client.stream.destroy(), GOODBYE_TIMEOUT_MS);
      await over;
      clearTimeout(timer);
    },
  };
}

function openSocket({ address, ca }: MqttSessionOptions): GuardedStream {
  const { host, port } = address;
  const socket: Socket = address.secure
    ? connectTls({
        host,
        port,
        ...(isIP(host) ? {} : { servername: host }),
        ...(ca === undefined ? {} : { ca }),
      })
    : connectTcp({ host, port });
  socket.setNoDelay(true); // mqtt.js never does; a burst of three messages would wait 40 ms
  return new GuardedStream(socket, { maxPacketBytes: DEFAULT_BROKER_LIMITS.maxPacketBytes });
}

function explain(failure: Error | undefined, address: BrokerAddress): HeadwaterError {
  if (isHeadwaterError(failure)) return failure;
  // CONNACK 1-5: the broker is there and says no.
  const code = failure === undefined || !('code' in failure) ? undefined : failure.code;
  if (typeof code === 'number' && code >= 1 && code <= 5)
    return refused(address, failure?.message ?? 'refused');
  const reason = failure === undefined ? 'the connection was closed' : failure.message || String(code);
  return new HeadwaterError('HW_BROKER_UNREACHABLE', {
    message: `broker ${address.display}: ${reason}`,
    hint: 'Start the broker or check its address; Headwater keeps trying.',
    cause: failure,
  });
}

function refused(address: BrokerAddress, reason: string): HeadwaterError {
  return new HeadwaterError('HW_BROKER_REFUSED', {
    message: `broker ${address.display}: ${reason}`,
    hint: "Check the user name, the password and the broker's access rules.",
  });
}

function asBuffer(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
