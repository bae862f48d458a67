/**
 * What the pipeline needs from outside. Each port has one contract suite in `testing/` that its fake and its adapters pass.
 * Nothing here names a library.
 */

/** Full lower-case hex id of a git object: 40 characters, 64 in a SHA-256 repository. */
export type ObjectId = string;
export type CommitId = ObjectId;

export interface Person {
  readonly name: string;
  readonly email: string;
  /** Seconds since 1970. */
  readonly time: number;
}

export interface CommitInfo {
  readonly id: CommitId;
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  readonly author: Person;
  readonly committer: Person;
  /** Whole message, trailers included. */
  readonly message: string;
}

/** What stands at a path: the file mode as git writes it ("100644", "100755", "120000" link, "160000" submodule) and the id. */
export interface FileState {
  readonly mode: string;
  readonly oid: ObjectId;
}

export interface TreeEntry extends FileState {
  /** Slash-separated path from the root of the tree; bytes that are not UTF-8 show as U+FFFD. */
  readonly path: string;
}

/** One path that differs between two trees; `null` = absent. Folders are not listed. A rename is a removal and an addition. */
export interface TreeChange {
  readonly path: string;
  readonly from: FileState | null;
  readonly to: FileState | null;
}

/** A commit with what it changed against its first parent (against the empty tree for a root). */
export interface CommitStep {
  readonly commit: CommitInfo;
  readonly changes: readonly TreeChange[];
}

/** Reads git objects. Never a work tree, never a checkout. */
export interface ObjectReader {
  /** @throws HeadwaterError `HW_OBJECT_MISSING`, `HW_OBJECT_CORRUPT`. */
  readCommit(id: CommitId): Promise<CommitInfo>;
  /** The commit object byte for byte, which is what signatures are about. Errors as `readCommit`. */
  readRawCommit(id: CommitId): Promise<Uint8Array>;
  /** The hot call of a new commit: cost follows the change, not the repository. Errors as `readCommit`. */
  readStep(id: CommitId): Promise<CommitStep>;
  /** @throws HeadwaterError `HW_FILE_TOO_LARGE` before inflating more than `maxBytes`; else as `readCommit`. */
  readBlob(oid: ObjectId, maxBytes: number): Promise<Uint8Array>;
  /**
   * What stands at these paths in a commit's tree; paths with nothing, or with a folder, are absent. Cost follows the paths and not
   * the repository. Errors as `readCommit`.
   */
  findFiles(id: CommitId, paths: Iterable<string>): Promise<ReadonlyMap<string, FileState>>;
  /** Every file of a commit, recursively, in git's order. */
  listFiles(id: CommitId): Promise<readonly TreeEntry[]>;
  /** What differs from one commit's tree to another's; `null` is the empty tree. */
  diff(from: CommitId | null, to: CommitId): Promise<readonly TreeChange[]>;
  /**
   * Ancestors of `tip` (itself included) with all their parents, parents before children, leaving out everything reachable
   * from `known`. @throws HeadwaterError `HW_REPO_SHALLOW` at a shallow boundary that is not in `known`.
   */
  ancestry(
    tip: CommitId,
    known: readonly CommitId[],
  ): AsyncIterable<{ readonly id: CommitId; readonly parents: readonly CommitId[] }>;
  /**
   * First-parent line, newest first, starting with `tip`, in one pass. With `rootFiles` (names of files at the root of the tree) only
   * the commits that changed one of them, with those changes alone: much cheaper.
   */
  firstParentLog(tip: CommitId, rootFiles?: readonly string[]): AsyncIterable<CommitStep>;
  close(): Promise<void>;
}

/** Reads and moves refs with git's own lock protocol. */
export interface RefStore {
  /** Commit a ref names, symbolic refs followed; `null` when it does not exist. */
  read(ref: string): Promise<CommitId | null>;
  /** Full name of the ref HEAD points to, or `null` when HEAD is detached. */
  head(): Promise<string | null>;
  /**
   * Moves `ref` from `expected` (`null` = must not exist) to `next`, durably: on return the new value survives power loss.
   * @throws HeadwaterError `HW_REF_MOVED` (details: actual), `HW_REF_LOCKED`, `HW_STORAGE_FAILED`.
   */
  compareAndSwap(ref: string, expected: CommitId | null, next: CommitId): Promise<void>;
}

export interface FileEdit {
  readonly path: string;
  /** New content, or `null` to remove the file. */
  readonly content: Uint8Array | null;
}

export interface CommitRequest {
  readonly ref: string;
  /** Tip the edits were made for; `null` = the branch does not exist yet. */
  readonly expected: CommitId | null;
  /** Parents after the tip: commits that the new one keeps reachable. They must be in the repository. Default none. */
  readonly extraParents?: readonly CommitId[];
  readonly edits: readonly FileEdit[];
  /** Whole message, trailers included; made last where it speaks of the tree that the edits make. */
  readonly message: string | ((tree: ObjectId) => string);
  readonly author: Person;
  readonly committer: Person;
}

/** Builds a commit in memory, writes its objects durably, then swaps the ref. On return the commit is durable. */
export interface CommitWriter {
  /** @throws HeadwaterError as `RefStore.compareAndSwap`. */
  commit(request: CommitRequest): Promise<CommitId>;
}

/** What was published last, and the era it was published in. */
export interface LedgerRecord {
  readonly deployment: string;
  readonly era: number;
  /** Where the era began. */
  readonly start: LedgerPlace;
  /** Newest epoch of every environment that was published in this era, by name. */
  readonly published: ReadonlyMap<string, LedgerPlace>;
}

/** A commit with its generation number. */
export interface LedgerPlace {
  readonly commit: CommitId;
  readonly seq: number;
}

/** A record as it stands in the ledger. */
export interface LedgerEntry {
  /** Names the entry that the next one is written on top of; `null` = there is none in that place. */
  readonly id: string | null;
  readonly record: LedgerRecord;
  /** False when a key that signs now has not sealed it: keys were rotated, and it should be written anew. */
  readonly isFresh: boolean;
}

/** The memory that outlives brokers and data folders: one record, replaced by compare-and-swap, sealed by a signing key. */
export interface Ledger {
  /** True when no other daemon sees it. */
  readonly isLocal: boolean;
  /**
   * The newest record; `null` = none was ever written.
   * @throws HeadwaterError `HW_LEDGER_INVALID`, `HW_LEDGER_FOREIGN` (both with `details.id`), or what makes it unreadable.
   */
  read(): Promise<LedgerEntry | null>;
  /**
   * Puts `record` in the place of the entry `expected` (`null` = there must be none), durably.
   * @throws HeadwaterError `HW_REF_MOVED`, `HW_REF_LOCKED`, `HW_STORAGE_FAILED`.
   */
  append(record: LedgerRecord, expected: string | null): Promise<LedgerEntry>;
}

/** Where a long fetch is. */
export interface RemoteProgress {
  /** What the host or git says it does: "Receiving objects". */
  readonly phase: string;
  /** 0 to 100; `null` = nobody knows. */
  readonly percent: number | null;
}

/**
 * The repository at another host that the local one mirrors. Everything here throws `HW_UPSTREAM_UNREACHABLE` when the host does
 * not answer (details: `retryAfterMs` when it said how long to wait) and `HW_UPSTREAM_REFUSED` when it answers and does not want to,
 * besides what is named below.
 */
export interface Remote {
  /** Address as it may be shown: never holds a credential. */
  readonly url: string;
  /**
   * Commits of refs at the host now, in one request. Full names; a name that ends in "/*" stands for all below it. What does not
   * exist is absent.
   */
  tips(refs: readonly string[]): Promise<ReadonlyMap<string, CommitId>>;
  /**
   * Brings into the local repository what `tips` told of. On return all of it is there, whole and durable; no ref was moved.
   * @throws HeadwaterError `HW_OBJECT_MISSING` when the host no longer shows it (ask for the tips again), `HW_REPO_SHALLOW`,
   *   `HW_STORAGE_FAILED`.
   */
  fetch(tips: ReadonlyMap<string, CommitId>, onProgress?: (progress: RemoteProgress) => void): Promise<void>;
  /**
   * Moves a ref at the host from `expected` (`null` = must not exist) to `next`, a commit of the local repository, in one step.
   * @throws HeadwaterError `HW_REF_MOVED` when it is elsewhere; nothing was changed then, nor after `HW_UPSTREAM_REFUSED`. After
   *   `HW_UPSTREAM_UNREACHABLE` nothing was changed if `details.sent` is false, otherwise nobody knows until the host is asked again.
   *   `HW_NAME_INVALID` when the name of another ref is in the way.
   */
  push(ref: string, expected: CommitId | null, next: CommitId): Promise<void>;
  /** Whether the host takes pushes from us at all; what it says of single branches is another matter. Changes nothing there. */
  takesPushes(): Promise<boolean>;
  /** Ends what is running. */
  close(): Promise<void>;
}

/** Tells when a followed ref may have moved. Hints only: every report is a fresh read of the ref. */
export interface RefWatcher {
  /** Calls `onTip` with the value of the ref now and after every move; `null` = the ref does not exist. */
  start(onTip: (tip: CommitId | null) => void): Promise<void>;
  /**
   * Looks now, for somebody who just moved the ref and waits. Resolves when what it found is reported. Who reports a move on their own
   * might report an older one after a newer one.
   */
  look(): Promise<void>;
  close(): Promise<void>;
}

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly qos: 0 | 1;
}

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface PublisherEvents {
  /** The broker is reachable (again): nothing that was published before may be assumed to be still there. */
  onConnect(): void;
  onDisconnect(reason: string): void;
  /** A message on a followed topic, retained ones and our own included. */
  onMessage(message: IncomingMessage): void;
}

/** The broker as the daemon sees it. */
export interface Publisher {
  /** Starts connecting; resolves at once, `onConnect` tells when it is there. Follows `filters` (MQTT topic filters, `+` allowed) from then on. */
  start(filters: readonly string[], events: PublisherEvents): Promise<void>;
  /** Resolves once the broker acknowledged. @throws HeadwaterError `HW_BROKER_UNREACHABLE`. */
  publish(message: OutgoingMessage): Promise<void>;
  /** Retained messages of exact topics as the broker holds them now; a topic without one is absent. @throws as `publish`. */
  readRetained(topics: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Where services connect, for connection files: `mqtt://127.0.0.1:7071`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Who connected to the broker. */
export type BrokerIdentity = {
  readonly kind: 'service';
  readonly env: string;
  readonly service: string;
  readonly tokenId: string;
};

/** Judges MQTT credentials. */
export interface BrokerAuthenticator {
  /** `null` = refused. Never throws for bad input. */
  authenticate(
    username: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<BrokerIdentity | null>;
}

/** What is sealed for one service in one environment. */
export interface SealRequest {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
  /** `secrets.rev` of the message that will carry it. */
  readonly rev: string;
  /** Secret values by JSON Pointer. They are nobody's to keep: not in a log, not in an error. */
  readonly values: ReadonlyMap<string, string>;
  /** age public keys, at least one. */
  readonly recipients: readonly string[];
}

/** Seals the secrets of a service so that nobody but its recipients can read them. */
export interface SecretBox {
  /**
   * Armored age file over a `SecretsBundle`. Two calls give two texts: make one per `rev` and repeat it.
   * @throws HeadwaterError `HW_KEY_INVALID` for a recipient that nothing can be sealed for.
   */
  seal(request: SealRequest): Promise<string>;
}

/** What an audit entry can be about. The words are permanent: they are searched for years later. */
export type AuditAction =
  | 'login'
  | 'logout'
  | 'token-create'
  | 'token-revoke'
  | 'enroll'
  | 'commit'
  | 'push'
  | 'accept-rewrite'
  /** Something was not let in: a push, a drop. */
  | 'refuse'
  | 'secret-set'
  | 'secret-remove'
  | 'secret-reveal'
  | 'secret-deliver'
  | 'secret-drop'
  | 'recipients'
  | 'identity-rotate'
  | 'key-rotate'
  | 'key-revoke'
  | 'key-export';

/** Who did it: the holder of a token, a user of this machine beside the daemon, the daemon itself. */
export type AuditActor =
  | { readonly kind: 'token'; readonly id: string; readonly name: string }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'daemon' };

/** What somebody did. Never a secret value, and nothing that lets one be guessed, such as a hash of it. */
export interface AuditEntry {
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly requestId?: string;
  readonly env?: string;
  readonly service?: string;
  /** JSON Pointer of the setting. */
  readonly pointer?: string;
  readonly epoch?: { readonly era: number; readonly seq: number; readonly commit: CommitId };
  readonly commit?: CommitId;
  /** Why, in the person's own words. */
  readonly reason?: string;
  /** Further facts: ids of tokens and keys, refs, counts, paths. */
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** The record of who did what, which only grows, and in which every later change shows. */
export interface Audit {
  /**
   * Writes entries down, in this order. When it resolves they survive power loss; whoever waits is answered only then.
   * @throws HeadwaterError `HW_AUDIT_FAILED`: nothing of it may be taken for recorded, so what depends on it is not done or is undone.
   */
  record(...entries: readonly AuditEntry[]): Promise<void>;
  /** For what happened already and nobody waits for: an entry that cannot be written becomes a problem that a person sees. */
  note(...entries: readonly AuditEntry[]): void;
  /** Resolves when everything noted so far is written, or failed. */
  idle(): Promise<void>;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Monotonic, milliseconds. */
  monotonic(): number;
}
