/** What one instance of a service says it runs: plain JSON, a claim and never proof. Spec: docs/protocol.md §8. */
import { type Epoch, isEpoch } from './epoch.ts';
import { isObject, parseJsonBytes } from './json.ts';
import { isTime } from './time.ts';

export const CLIENT_STATES = [
  'live',
  'lkg',
  'defaults',
  'local',
  'stale',
  'removed',
  'rejected',
  'offline',
] as const;
/** What a client runs from. */
export type ClientState = (typeof CLIENT_STATES)[number];

export interface Receipt {
  readonly v: 1;
  readonly clientId: string;
  readonly instance: string;
  readonly service: string;
  readonly env: string;
  readonly epoch: Epoch | null;
  readonly digest: string | null;
  readonly state: ClientState;
  /** Why it is not simply live: an error code or a short word such as `behind`. */
  readonly reason?: string;
  /** Restart settings that differ from what the process started with. */
  readonly restartPending: readonly string[];
  readonly envOverrides: readonly string[];
  readonly envInvalid: readonly string[];
  /** Digest of the schema the client was built with. */
  readonly schema?: string;
  /** The secrets kept with the config; absent when the service has none. */
  readonly secrets?: ReceiptSecrets;
  /** Version of the key list that it holds; absent when it holds none. */
  readonly keys?: number;
  /** Version of the client library. */
  readonly version: string;
  /** RFC 3339, the client's clock. */
  readonly at: string;
}

/** Which sealed bundle an instance would open after a restart. Before an identity is thrown away, no instance may still name it. */
export interface ReceiptSecrets {
  /** `secrets.rev` of the message. */
  readonly rev: string;
  /** Id of the key that opened it (`recipientIdOf`); `null` when none did. */
  readonly recipient: string | null;
}

/** Largest receipt read, in bytes. */
export const maxReceiptBytes = 64 * 1024;

/** Longest single text of a receipt, pointers aside, in UTF-16 units. */
const maxReceiptText = 512;

/** A receipt, or `null` for anything that is none: it is a claim, so nothing depends on refusing it loudly. */
export function parseReceipt(bytes: Uint8Array): Receipt | null {
  if (bytes.length === 0 || bytes.length > maxReceiptBytes) return null;
  let value: unknown;
  try {
    value = parseJsonBytes(bytes);
  } catch {
    // Not JSON: not a receipt. The caller counts it.
    return null;
  }
  if (!isObject(value) || value.v !== 1) return null;
  const texts = [value.clientId, value.instance, value.service, value.env, value.version];
  const lists = [value.restartPending, value.envOverrides, value.envInvalid];
  const isReceipt =
    texts.every(isText) &&
    lists.every((list) => Array.isArray(list) && list.every((item) => typeof item === 'string')) &&
    (CLIENT_STATES as readonly unknown[]).includes(value.state) &&
    (value.epoch === null || isEpoch(value.epoch)) &&
    (value.digest === null || isText(value.digest)) &&
    (value.reason === undefined || isText(value.reason)) &&
    (value.schema === undefined || isText(value.schema)) &&
    (value.secrets === undefined || isSecrets(value.secrets)) &&
    (value.keys === undefined || (Number.isSafeInteger(value.keys) && (value.keys as number) > 0)) &&
    isTime(value.at);
  return isReceipt ? (value as unknown as Receipt) : null;
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= maxReceiptText;

const isSecrets = (value: unknown): boolean =>
  isObject(value) && isText(value.rev) && (value.recipient === null || isText(value.recipient));
