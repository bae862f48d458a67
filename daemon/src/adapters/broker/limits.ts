/** What one client, and all of them together, may cost the embedded broker. */
export interface BrokerLimits {
  /** Open sockets, signed in or not. More are closed at once. */
  readonly maxConnections: number;
  /** Connections of one (environment, service). */
  readonly maxConnectionsPerUser: number;
  /** From the TCP connection to a whole CONNECT packet, milliseconds. */
  readonly connectTimeoutMs: number;
  /** Largest packet before the client is signed in, header included. */
  readonly maxConnectBytes: number;
  /** Largest packet afterwards, header included. */
  readonly maxPacketBytes: number;
  /** Bytes that may wait for a client that does not read, before it is disconnected. */
  readonly maxQueuedBytes: number;
  /** Longest keepalive a client may ask for, seconds; 0 ("never") is refused. */
  readonly maxKeepaliveSeconds: number;
  /** Levels of a topic. */
  readonly maxTopicLevels: number;
  /** How long a full socket may stay full, milliseconds. */
  readonly drainTimeoutMs: number;
  /** Packets a client may send before it is signed in. */
  readonly queueLimit: number;
  /** Largest receipt. */
  readonly maxReceiptBytes: number;
  /** Retained receipts of one (environment, service) together. */
  readonly maxReceiptBytesPerService: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  maxConnections: 12_000, // about 20 KB each, so 240 MB when full
  maxConnectionsPerUser: 5_000,
  connectTimeoutMs: 5_000,
  maxConnectBytes: 16 * KiB, // a client id, a user name, a token and a receipt as Last Will fit well
  maxPacketBytes: MiB + 4 * KiB, // the largest envelope, its topic and the packet header
  maxQueuedBytes: 4 * MiB, // snapshot, diff and schema of the largest document; nothing that reads at all falls this far behind
  maxKeepaliveSeconds: 120,
  maxTopicLevels: 16,
  drainTimeoutMs: 2_000,
  queueLimit: 42,
  maxReceiptBytes: 64 * KiB,
  maxReceiptBytesPerService: 8 * MiB,
};
