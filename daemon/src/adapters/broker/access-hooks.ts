/**
 * The three questions aedes asks about a client: may it come in, may it read, may it write. Every path that is not an explicit
 * yes is a no, a failing authenticator included. The rules are in `core/broker-policy.ts`.
 */
import type { AedesOptions, Client } from 'aedes';
import { mayPublish, maySubscribe, ownsClientId } from '../../core/broker-policy.ts';
import type { BrokerAuthenticator, BrokerIdentity } from '../../ports.ts';
import type { BrokerLog } from './broker-log.ts';
import type { Connection, Connections } from './connections.ts';
import { GuardedStream } from './guarded-stream.ts';
import type { BrokerLimits } from './limits.ts';
import type { RetainedIndex } from './retained-index.ts';

export interface AccessDeps {
  readonly prefix: string;
  readonly authenticator: BrokerAuthenticator;
  readonly connections: Connections;
  readonly retained: RetainedIndex;
  readonly limits: BrokerLimits;
  readonly log: BrokerLog;
}

type Hooks = Required<
  Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'>
>;

/** A publish as aedes hands it over, a Last Will included. */
interface Wish {
  readonly topic: string;
  readonly retain?: boolean;
  readonly qos?: number;
  readonly payload: Buffer | string;
}

// CONNACK return codes [MQTT-3.2.2]
const REFUSED_ID = 2;
const REFUSED_BUSY = 3;
const REFUSED_CREDENTIALS = 4;
const REFUSED = 5;

export function createAccessHooks(deps: AccessDeps): Hooks {
  const { prefix, authenticator, connections, limits, log } = deps;
  const identities = new WeakMap<Client, BrokerIdentity>();
  const wills = new WeakMap<Client, Wish>();

  /** Why a client must not come in, or `null`. */
  async function judgeConnect(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): Promise<Refusal | null> {
    const identity = await authenticator.authenticate(username, password);
    const stream = client.conn;
    if (identity === null) return new Refusal(REFUSED_CREDENTIALS, 'bad user name or password');
    if (!ownsClientId(identity, client.id)) return new Refusal(REFUSED_ID, 'client id of another service');
    const will = wills.get(client);
    if (will !== undefined && !allows(client, identity, will))
      return new Refusal(REFUSED, 'last will not allowed');
    if (!connections.hasRoom(identity, client.id)) return new Refusal(REFUSED_BUSY, 'too many connections');
    // It may be gone by now: adding it then would leave an entry that nothing removes.
    if (!(stream instanceof GuardedStream) || stream.destroyed)
      return new Refusal(REFUSED_BUSY, 'connection closed');
    const connection: Connection = { identity, clientId: client.id, destroy: () => void stream.destroy() };
    identities.set(client, identity);
    connections.add(connection);
    stream.once('close', () => connections.remove(connection));
    stream.maxPacketBytes = limits.maxPacketBytes;
    return null;
  }

  function allows(client: Client, identity: BrokerIdentity, wish: Wish): boolean {
    const { topic, retain = false, qos = 0 } = wish;
    return (
      mayPublish(prefix, identity, client.id, { topic, retain, qos }) &&
      fitsQuota(deps, topic, wish.payload.length)
    );
  }

  return {
    preConnect(client, packet, callback) {
      // aedes closes the connection on an error only; `false` alone would leave it open.
      if (packet.clean !== true) return callback(new Error('persistent sessions are not offered'), false);
      if (packet.will !== undefined) wills.set(client, packet.will as Wish);
      return callback(null, true);
    },

    authenticate(client, username, password, callback) {
      const decide = (refusal: Refusal | null): void => {
        if (refusal === null) {
          callback(null, true);
          return;
        }
        log.warn({ clientId: printable(client.id), reason: refusal.message }, 'MQTT connection refused');
        callback(refusal, false);
      };
      judgeConnect(client, username, password).then(decide, (error: unknown) => {
        log.error({ err: error }, 'MQTT authentication failed to run');
        decide(new Refusal(REFUSED_BUSY, 'authentication unavailable'));
      });
    },

    authorizePublish(client, packet, callback) {
      const identity = client === null ? undefined : identities.get(client);
      if (client !== null && identity !== undefined && allows(client, identity, packet))
        return callback(null);
      log.warn({ clientId: printable(client?.id), topic: printable(packet.topic) }, 'MQTT publish refused');
      return callback(new Error('publish not allowed'));
    },

    authorizeSubscribe(client, subscription, callback) {
      const identity = identities.get(client);
      if (identity !== undefined && maySubscribe(prefix, identity, subscription.topic)) {
        return callback(null, subscription);
      }
      log.warn(
        { clientId: printable(client.id), topic: printable(subscription.topic) },
        'MQTT subscribe refused',
      );
      return callback(null, null); // SUBACK 0x80: this filter failed, the connection stays
    },
  };
}

/** Receipts are the one thing clients may store here; a service with a thousand invented instances must not fill memory. */
function fitsQuota({ retained, limits }: AccessDeps, topic: string, bytes: number): boolean {
  if (bytes > limits.maxReceiptBytes) return false;
  const before = retained.get(topic)?.payload.length ?? 0;
  return retained.bytesBeside(topic) - before + bytes <= limits.maxReceiptBytesPerService;
}

class Refusal extends Error {
  readonly returnCode: number;

  constructor(returnCode: number, reason: string) {
    super(reason);
    this.returnCode = returnCode;
  }
}

/** Text of a stranger for a log line: short, so that it cannot fill the log. */
function printable(text: string | null | undefined): string {
  return (text ?? '').slice(0, 200);
}
