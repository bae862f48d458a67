/** What connected services say they run: the newest receipt per client. Claims, never proof. */
import { parseClientId, parseReceipt, parseTopic, type Receipt } from '@headwater/schemas/protocol';
import type { Clock, IncomingMessage } from './ports.ts';

/** Receipts of instances that have been offline this long are forgotten and cleared from the broker. */
const forgetOfflineMs = 24 * 60 * 60 * 1000;
/** More clients than this are not remembered: a receipt is small, but anybody with a token can send many. */
const maxReceipts = 50_000;

interface Entry {
  readonly receipt: Receipt;
  readonly topic: string;
  readonly receivedAt: number;
}

export class Receipts {
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #byTopic = new Map<string, Entry>();
  readonly #onReceipt: (receipt: Receipt) => void;

  /** @param onReceipt Told of every receipt that is taken. */
  constructor(prefix: string, clock: Clock, onReceipt: (receipt: Receipt) => void = () => {}) {
    this.#prefix = prefix;
    this.#clock = clock;
    this.#onReceipt = onReceipt;
  }

  /** Takes a message from a receipt topic; returns the receipt when it is one and tells something new. */
  take(message: IncomingMessage): Receipt | null {
    const target = parseTopic(this.#prefix, message.topic);
    if (target?.kind !== 'receipt') return null;
    if (message.payload.length === 0) {
      this.#byTopic.delete(message.topic);
      return null;
    }
    const receipt = parseReceipt(message.payload);
    const id = parseClientId(target.clientId);
    // The topic is what the broker authorised; a receipt that says otherwise is nobody's.
    const isConsistent =
      receipt?.env === target.env &&
      receipt.service === target.service &&
      receipt.clientId === target.clientId;
    if (!receipt || !isConsistent || id?.env !== target.env || id.service !== target.service) return null;
    if (!this.#byTopic.has(message.topic) && this.#byTopic.size >= maxReceipts) return null;
    this.#byTopic.set(message.topic, { receipt, topic: message.topic, receivedAt: this.#clock.monotonic() });
    this.#onReceipt(receipt);
    return receipt;
  }

  /** Of everybody, in no order. */
  *all(): Generator<Receipt> {
    for (const { receipt } of this.#byTopic.values()) yield receipt;
  }

  of(env: string, service: string): Receipt[] {
    return [...this.#byTopic.values()]
      .map((entry) => entry.receipt)
      .filter((receipt) => receipt.env === env && receipt.service === service);
  }

  /** Connected clients per service of an environment. */
  connectedCounts(env: string): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { receipt } of this.#byTopic.values()) {
      if (receipt.env !== env || receipt.state === 'offline') continue;
      counts.set(receipt.service, (counts.get(receipt.service) ?? 0) + 1);
    }
    return counts;
  }

  /** Forgets clients that have been offline for a day; returns their topics, to be cleared on the broker. */
  forgetOffline(): string[] {
    const now = this.#clock.monotonic();
    const old = [...this.#byTopic.values()].filter(
      ({ receipt, receivedAt }) => receipt.state === 'offline' && now - receivedAt >= forgetOfflineMs,
    );
    for (const { topic } of old) this.#byTopic.delete(topic);
    return old.map(({ topic }) => topic);
  }
}
