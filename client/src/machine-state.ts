/** What the machine knows, what can happen to it, and what it asks for. Times are milliseconds of a monotonic clock. */
import type {
  ClientState,
  CryptoBackend,
  Epoch,
  EpochPayload,
  ErrorCode,
  JsonObject,
  Keyring,
  SealedSecrets,
} from '@headwater/schemas/protocol';
import type { OpenedSecrets, OpenSecrets } from './secrets/opened-secrets.ts';
import type { Marks } from './trust.ts';

/** The topics a client may listen to, by what they carry. */
export type TopicKind = 'keys' | 'epoch' | 'schema' | 'diff' | 'snapshot';

/** The document that runs, with the signed bytes it came from. */
export interface Held {
  readonly epoch: Epoch;
  readonly digest: string;
  readonly schema: string;
  readonly rev: string | null;
  /** As signed: without the defaults of the own schema and without overrides. */
  readonly config: JsonObject;
  readonly secrets: SealedSecrets | null;
  /** What opening `secrets` came to. */
  readonly opened: OpenedSecrets;
  readonly kind: 'snapshot' | 'diff';
  readonly envelope: Uint8Array;
  /** Envelope that carried `secrets`; the same as `envelope` unless that left them as they were. */
  readonly secretsEnvelope: Uint8Array;
  /** Key ids that signed `secretsEnvelope`. */
  readonly secretsSigners: readonly string[];
  /** Key ids that signed it. */
  readonly signers: readonly string[];
  readonly source: 'live' | 'lkg';
  readonly requestId: string | null;
}

/** A schema message that was verified. */
export interface HeldSchema {
  readonly digest: string;
  readonly document: JsonObject;
  readonly envelope: Uint8Array;
}

/** Waiting for the snapshot topic. */
export interface Fetch {
  /** Stay until this epoch or a newer one came; `null`: the first verified snapshot will do. */
  readonly wanted: Epoch | null;
  readonly subscribed: boolean;
  /** When the timer of the first subscription fires; `null` when none is set. */
  readonly dueAt: number | null;
  /** Subscriptions made so far without success. */
  readonly attempt: number;
  /** Verified diffs that do not fit yet, oldest first. */
  readonly buffer: readonly BufferedDiff[];
}

export interface BufferedDiff {
  readonly epoch: Epoch;
  readonly bytes: Uint8Array;
}

/** A document that the own schema refused. */
export interface Rejection {
  readonly epoch: Epoch;
  readonly digest: string;
  readonly message: string;
}

export interface MachineState {
  readonly keyring: Keyring | null;
  readonly marks: Marks;
  readonly held: Held | null;
  readonly schema: HeldSchema | null;
  /** Newest schema message that nothing held names yet. */
  readonly nextSchema: HeldSchema | null;
  /** Epoch of the tombstone in force. */
  readonly removed: Epoch | null;
  /** Newest refused documents, oldest first. */
  readonly rejections: readonly Rejection[];
  /** The newest verified document was refused; what ran before still runs. */
  readonly isRejected: boolean;
  /** The network agreed with what is held since this process started. */
  readonly isConfirmed: boolean;
  readonly isUnsealed: boolean;
  readonly isConnected: boolean;
  readonly isBehind: boolean;
  readonly statement: EpochPayload | null;
  /** Statements accepted on this connection. */
  readonly statementsHere: number;
  /** A snapshot was verified on this connection before any statement: it settles the first one. */
  readonly settlesNext: boolean;
  /** Until when the newest statement counts; `null` before the first connection. */
  readonly freshUntil: number | null;
  readonly fetch: Fetch | null;
  /** Messages of unknown signers, the newest per topic. */
  readonly pending: ReadonlyMap<TopicKind, Uint8Array>;
  readonly status: Status;
}

export interface Status {
  readonly state: ClientState;
  readonly reason: string | null;
}

export type MachineEvent =
  | { readonly type: 'connected' | 'disconnected' }
  | { readonly type: 'message'; readonly topic: TopicKind; readonly bytes: Uint8Array }
  | { readonly type: 'timer'; readonly name: TimerName };

export type TimerName = 'fetch' | 'fresh';

/** Something that was not taken. The config stays as it was. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly topic: TopicKind | 'lkg';
  readonly epoch: Epoch | null;
}

/** Things counted that are no refusals. */
export type CountName =
  | 'messages'
  | 'applied'
  | 'duplicates'
  | 'gaps'
  | 'fetches'
  | 'statements'
  | 'setAside';

export type Effect =
  | { readonly type: 'subscribe'; readonly topics: readonly TopicKind[] }
  | { readonly type: 'unsubscribe'; readonly topics: readonly TopicKind[] }
  /** `null` clears it. A timer of the same name is replaced. */
  | { readonly type: 'timer'; readonly name: TimerName; readonly delayMs: number | null }
  /** Another document runs now: swap, persist, then tell. */
  | { readonly type: 'applied'; readonly held: Held }
  /** The LKG file should say something else although the config is the same. */
  | { readonly type: 'persist' }
  /** Only marks moved; those of a statement can wait a while. */
  | { readonly type: 'marks'; readonly isUrgent: boolean }
  | { readonly type: 'keys'; readonly envelope: Uint8Array; readonly version: number }
  | { readonly type: 'schema'; readonly schema: HeldSchema }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'count'; readonly name: CountName };

export interface MachineDeps {
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  /** Root keys of the connection file, 64 hex digits each. */
  readonly roots: readonly string[];
  readonly crypto: CryptoBackend;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  /** Says what the own schema has against a config and its secrets, or `null`. */
  readonly check: (config: JsonObject, secrets: OpenedSecrets) => string | null;
  readonly openSecrets: OpenSecrets;
}
