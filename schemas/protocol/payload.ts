/**
 * What the messages say. Spec: docs/protocol.md §3. Times are RFC 3339 text, sizes bytes, ages milliseconds. Fields that a
 * reader does not know are ignored, so a newer daemon may say more.
 */
import type { Epoch } from './epoch.ts';
import type { JsonObject } from './json.ts';
import type { PatchOp } from './patch.ts';

interface PayloadBase {
  readonly v: 1;
  readonly deployment: string;
  /** When the payload was made, by the daemon's clock. Never compared with a client's clock. */
  readonly issuedAt: string;
}

interface ServicePayload extends PayloadBase {
  readonly env: string;
  readonly service: string;
  /** The service epoch: the newest commit that changed one of the service's inputs. */
  readonly epoch: Epoch;
}

/** Secrets of one service, sealed for its recipients; made once per `rev`. */
export interface SealedSecrets {
  /** sha256 over `<layer> <blob id>` lines of the files it was made from. */
  readonly rev: string;
  /** age public keys it is sealed for. */
  readonly recipients: readonly string[];
  /** Armored age file, or `null` when there is nobody to seal for. */
  readonly sealed: string | null;
}

/** The whole config of one service in one environment. */
export interface SnapshotPayload extends ServicePayload {
  readonly kind: 'snapshot';
  /** Digest of the schema file that judged `config`. */
  readonly schema: string;
  /** Digest of `config` in RFC 8785 form. */
  readonly digest: string;
  readonly config: JsonObject;
  /** `null`: the service has no secrets file. */
  readonly secrets: SealedSecrets | null;
  readonly requestId?: string;
}

/** A change against the service epoch `base`. */
export interface DiffPayload extends ServicePayload {
  readonly kind: 'diff';
  readonly schema: string;
  /** Digest of the result. */
  readonly digest: string;
  readonly base: Epoch;
  readonly baseDigest: string;
  readonly ops: readonly PatchOp[];
  readonly secrets: SealedSecrets | null | 'unchanged';
  readonly requestId?: string;
}

/** The service is gone; its clients keep what they run. */
export interface TombstonePayload extends ServicePayload {
  readonly kind: 'tombstone';
}

/** The JSON Schema that a snapshot's `schema` digest names. */
export interface SchemaPayload extends ServicePayload {
  readonly kind: 'schema';
  readonly digest: string;
  readonly document: JsonObject;
}

/** Services whose service epoch moved at one epoch commit, with their seq; "*" when there are too many to list. */
export interface RecentEpoch {
  readonly seq: number;
  readonly commit: string;
  readonly services: Readonly<Record<string, number>> | '*';
}

/** One service or environment that waits, and why. */
export interface HeldService {
  /** Service name, or "*" for the whole environment. */
  readonly service: string;
  /** Commit since which it waits. */
  readonly since: string;
  readonly code: string;
  readonly pointer?: string;
}

/** Where an environment stands; signed anew every 30 s, so silence is visible. */
export interface EpochPayload extends PayloadBase {
  readonly kind: 'epoch';
  readonly env: string;
  readonly epoch: Epoch;
  readonly expiresAt: string;
  /** Newest first, at most 16. */
  readonly recent: readonly RecentEpoch[];
  readonly status: 'ok' | 'degraded' | 'removed';
  /** At most 10; `heldTotal` counts them all. */
  readonly held: readonly HeldService[];
  readonly heldTotal: number;
}

/** One signing key and when its signatures count, compared with a payload's `issuedAt`. */
export interface Signer {
  /** Public key, 64 hex digits. */
  readonly key: string;
  readonly notBefore: string;
  readonly notAfter?: string;
  /** When it was revoked; its messages are refused from the network. */
  readonly revoked?: string;
}

/** Who may sign; itself signed by a root key. */
export interface KeysPayload extends PayloadBase {
  readonly kind: 'keys';
  readonly version: number;
  /** Root public keys. */
  readonly roots: readonly string[];
  readonly signers: readonly Signer[];
  /** Earlier keys envelopes (as text) that changed roots, oldest first, so that a client that slept through a change follows. */
  readonly previous?: readonly string[];
}

/** Every signed payload. */
export type Payload =
  | SnapshotPayload
  | DiffPayload
  | TombstonePayload
  | SchemaPayload
  | EpochPayload
  | KeysPayload;

/** Payload of one kind. */
export interface PayloadByKind {
  readonly snapshot: SnapshotPayload;
  readonly diff: DiffPayload;
  readonly tombstone: TombstonePayload;
  readonly schema: SchemaPayload;
  readonly epoch: EpochPayload;
  readonly keys: KeysPayload;
}

/** Longest time a statement counts after `issuedAt`. */
export const statementLifetimeMs = 90_000;
/** How often the daemon signs the epoch statement anew. */
export const statementIntervalMs = 30_000;
export const maxRecentEpochs = 16;
/** Above this many moved services `recent` says "*". */
export const maxRecentServices = 8;
export const maxHeldListed = 10;
export const maxStatementBytes = 8 * 1024;
