/**
 * Who may read and write what on the broker. One rule for every broker: the embedded one asks these functions, a generated
 * ACL of an outside one says the same. Anything that is not named here is denied; filters and topics are compared whole, so a
 * wildcard, `$share/...` or `$SYS/...` can match nothing. Config is published by the daemon alone, in process.
 */
import {
  epochTopic,
  isName,
  keysTopic,
  parseClientId,
  receiptTopic,
  serviceTopics,
} from '@headwater/schemas/protocol';
import type { BrokerIdentity } from '../ports.ts';

/** What a client wants to publish, its Last Will included. */
export interface PublishWish {
  readonly topic: string;
  readonly retain: boolean;
  readonly qos: number;
}

/** True when a client that proved `identity` may subscribe to `filter`. */
export function maySubscribe(prefix: string, identity: BrokerIdentity, filter: string): boolean {
  if (!namesAreSound(identity)) return false;
  const own = serviceTopics(prefix, identity.env, identity.service);
  return (
    filter === keysTopic(prefix) ||
    filter === epochTopic(prefix, identity.env) ||
    filter === own.snapshot ||
    filter === own.diff ||
    filter === own.schema
  );
}

/** True when a client that proved `identity` and connected as `clientId` may publish `wish`: its own receipt, nothing else. */
export function mayPublish(
  prefix: string,
  identity: BrokerIdentity,
  clientId: string,
  wish: PublishWish,
): boolean {
  if (!ownsClientId(identity, clientId)) return false;
  // QoS 2 buys nothing here and would make the broker keep a handshake per message.
  if (wish.qos !== 0 && wish.qos !== 1) return false;
  return wish.topic === receiptTopic(prefix, identity.env, identity.service, clientId);
}

/** True when `clientId` is one of this service's own, so that it can take over no connection but its own. */
export function ownsClientId(identity: BrokerIdentity, clientId: string): boolean {
  const fields = parseClientId(clientId);
  return (
    fields !== null &&
    namesAreSound(identity) &&
    fields.env === identity.env &&
    fields.service === identity.service
  );
}

/** A name such as "+" or "#" in an identity would turn an exact topic into a wildcard. */
function namesAreSound(identity: BrokerIdentity): boolean {
  return isName(identity.env) && isName(identity.service);
}
