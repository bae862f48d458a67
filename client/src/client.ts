/** What a program holds: one whole, frozen document that is swapped in one step, and events about it. */
import {
  type ClientState,
  type Epoch,
  type HeadwaterError,
  type JsonObject,
  type JsonValue,
  parsePointer,
} from '@headwater/schemas/protocol';
import { changeAt } from './change-at.ts';
import { changesBetween } from './changes.ts';
import type { ClientHandle, ClientParts } from './client-parts.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { type ExplainSources, explain, readSecret } from './explain.ts';
import { type HeldBackEvents, holdBack } from './held-back.ts';
import { createLimitedLog } from './limited-log.ts';
import type { Link } from './link.ts';
import type { Held, Refusal, Status } from './machine-state.ts';
import type { ClientLog } from './options.ts';
import {
  createReceipts,
  type ReceiptFacts,
  type ReceiptIdentity,
  type Receipts,
  receiptSecrets,
  receiptText,
  topicOf,
} from './receipts.ts';
import { slotsOf } from './secrets/attach-secrets.ts';
import { createSecretsWarner } from './secrets/secret-warnings.ts';
import { createShell, type Shell } from './shell.ts';
import type {
  ChangeEvent,
  ClientEvents,
  Counters,
  DeepReadonly,
  Explanation,
  SecretReading,
} from './types.ts';
import { createView, type View } from './view.ts';

/** Live configuration of one service. Made by `connect`. */
export class HeadwaterClient<T = JsonObject> {
  /** The newest whole document, deeply frozen. Read it where it is needed; do not keep it. */
  readonly config: DeepReadonly<T> = Object.freeze({}) as DeepReadonly<T>;
  /** The document at connect: what restart settings count from. */
  readonly atStart: DeepReadonly<T> = this.config;
  /** Epoch of `config`; `null` while it runs on defaults. */
  readonly epoch: Epoch | null = null;

  readonly #view: View;
  readonly #identity: ReceiptIdentity;
  readonly #link: Link;
  readonly #shell: Shell;
  readonly #receipts: Receipts;
  readonly #events: Emitter<ClientEvents<T>>;
  readonly #heldBack: HeldBackEvents<ClientEvents<T>>;
  readonly #warnOfSecrets = createSecretsWarner((warning) => this.#warn(warning));
  readonly #log: ClientLog;
  readonly #counts = {
    connects: 0,
    listenerErrors: 0,
    messages: 0,
    applied: 0,
    duplicates: 0,
    gaps: 0,
    fetches: 0,
    statements: 0,
    setAside: 0,
  };
  readonly #refused: Record<string, number> = {};
  #pending: readonly string[] | null = null;
  #hasConfig = false;
  #isClosed = false;
  #onFirst: (() => void) | null = null;
  #lastTrouble: HeadwaterError | Refusal | null = null;
  /** The document on disk. */
  #kept: Held | null = null;

  /** Use `connect`. */
  constructor({ options, deps, start, link, store, identity, onHandle }: ClientParts) {
    this.#view = createView(options);
    this.#identity = identity;
    this.#link = link;
    this.#log = createLimitedLog(options.log);
    this.#events = createEmitter((error, name) => {
      this.#counts.listenerErrors += 1;
      this.#log('error', 'a listener threw', { event: name, error: String(error) });
    });
    this.#heldBack = holdBack(this.#events);
    this.#shell = createShell({
      start,
      deps,
      link,
      store,
      prefix: identity.prefix,
      hooks: {
        swapped: (held) => this.#swap(held),
        schemaChanged: () => this.#readSchemas(),
        refused: (refusal) => this.#refuse(refusal),
        counted: (name) => {
          this.#counts[name] += 1;
        },
        statusChanged: (status, previous) => this.#tellState(status, previous),
      },
    });
    this.#receipts = createReceipts(identity, link, () => this.#facts());
    this.#readSchemas();
    const { held } = this.#shell.state;
    if (held) {
      this.#begin(this.#effective(held), held.epoch);
      this.#kept = held;
    }
    onHandle(this.#handle());
    if (held) this.#warnOfSecrets(held.opened, slotsOf(this.config as JsonObject));
  }

  /** What the config rests on: `live`, `lkg`, `defaults`, `stale`, `removed`, `rejected` or, after `close`, `offline`. */
  get state(): ClientState {
    return this.#isClosed ? 'offline' : this.#shell.state.status.state;
  }

  /** Why it is not simply live, or `null`. */
  get reason(): string | null {
    return this.#shell.state.status.reason;
  }

  get clientId(): string {
    return this.#identity.clientId;
  }

  get counters(): Counters {
    return { ...this.#counts, refused: { ...this.#refused } };
  }

  /** Restart settings that differ from `atStart`, as JSON Pointers. */
  get restartPending(): readonly string[] {
    // Worked out when somebody reads it: a change should not wait for it.
    this.#pending ??= this.#view.pending(this.atStart as JsonObject, this.config as JsonObject);
    return this.#pending;
  }

  /** Listens to an event; call the result to stop. A listener that throws is logged and changes nothing. */
  on<K extends keyof ClientEvents<T>>(name: K, listener: (event: ClientEvents<T>[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Calls back when the value at a JSON Pointer changes.
   * @throws HeadwaterError `HW_USAGE` when it is no pointer.
   */
  onChange<K extends keyof T & string>(
    pointer: `/${K}`,
    listener: (value: DeepReadonly<T[K]>, previous: DeepReadonly<T[K]>) => void,
  ): () => void;
  onChange(
    pointer: string,
    listener: (value: JsonValue | undefined, previous: JsonValue | undefined) => void,
  ): () => void;
  onChange(pointer: string, listener: (value: never, previous: never) => void): () => void {
    parsePointer(pointer);
    return this.on('change', (event) => {
      const change = changeAt(pointer, event as ChangeEvent<unknown>);
      if (change) listener(change.value as never, change.previous as never);
    });
  }

  /** Says where the value at a JSON Pointer comes from. @throws HeadwaterError `HW_USAGE` when it is no pointer. */
  explain(pointer: string): Explanation {
    return explain(pointer, this.#sources());
  }

  /** Says whether a secret can be read, and why not. Reading it through `config` would throw. @throws HeadwaterError `HW_USAGE`. */
  secret(pointer: string): SecretReading {
    return readSecret(pointer, this.#sources());
  }

  /** Says goodbye (a receipt with state `offline`), writes what is still to be written, and disconnects. `config` stays readable. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const previous = this.state;
    this.#isClosed = true;
    this.#receipts.close();
    const receipt = receiptText(this.#identity, { ...this.#facts(), state: 'offline', reason: null });
    await this.#link.close(topicOf(this.#identity), receipt);
    await this.#shell.close();
    this.#events.emit('state', { state: 'offline', reason: null, previous });
  }

  #handle(): ClientHandle {
    return {
      open: () => this.#open(),
      firstConfig: (timeoutMs) => this.#firstConfig(timeoutMs),
      useDefaults: () => this.#begin(this.#effective(null), null),
      warn: (error) => this.#warn(error),
      lastTrouble: () => this.#lastTrouble,
      release: () => this.#heldBack.release(),
    };
  }

  #open(): void {
    this.#link.open({
      onConnect: () => {
        this.#counts.connects += 1;
        this.#shell.handle({ type: 'connected' });
        this.#receipts.renew();
      },
      onDisconnect: () => this.#shell.handle({ type: 'disconnected' }),
      onMessage: (topic, bytes) => {
        if (!this.#isClosed) this.#shell.receive(topic, bytes);
      },
      onTrouble: (error) => this.#warn(error),
    });
  }

  #firstConfig(timeoutMs: number): Promise<boolean> {
    if (this.#hasConfig) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#onFirst = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #warn(error: HeadwaterError): void {
    this.#lastTrouble = error;
    const { code, message, hint } = error;
    this.#log('warn', 'warning', { code, message, hint });
    this.#heldBack.tell('warning', { code, message, hint });
  }

  #effective(held: Held | null): DeepReadonly<T> {
    return this.#view.effective(held?.config ?? {}, held?.opened ?? null) as DeepReadonly<T>;
  }

  #sources(): ExplainSources {
    const { overrides } = this.#view;
    return { config: this.config as JsonObject, overrides: overrides.values, state: this.#shell.state };
  }

  #begin(config: DeepReadonly<T>, epoch: Epoch | null): void {
    Object.assign(this, { config, atStart: config, epoch });
    this.#hasConfig = true;
  }

  /** Swaps the document in one step; what it returns is called once the document is on disk. */
  #swap(held: Held): (kept: Held | null) => void {
    const previous = this.config;
    const current = this.#effective(held);
    const isFirst = !this.#hasConfig;
    if (isFirst) this.#begin(current, held.epoch);
    else Object.assign(this, { config: current, epoch: held.epoch });
    this.#pending = null;
    this.#heldBack.tell('applied', { epoch: held.epoch, digest: held.digest });
    this.#onFirst?.();
    this.#onFirst = null;
    const changes = isFirst ? [] : changesBetween(previous as JsonObject, current as JsonObject);
    const { restartPending } = this;
    this.#warnOfSecrets(held.opened, slotsOf(current as JsonObject));
    return (kept) => {
      this.#kept = kept ?? this.#kept;
      this.#receipts.update();
      if (changes.length === 0) return;
      const paths = changes.map((change) => change.path);
      this.#log('info', 'config changed', { epoch: held.epoch, paths, requestId: held.requestId });
      const event: ChangeEvent<T> = {
        previous,
        current,
        paths,
        changes,
        epoch: held.epoch,
        restartPending,
        requestId: held.requestId,
      };
      this.#heldBack.tell('change', event);
    };
  }

  #readSchemas(): void {
    const { schema, held } = this.#shell.state;
    this.#view.useSchema(schema?.document ?? null);
    for (const pointer of this.#view.overrides.invalid) {
      this.#log('warn', 'an environment variable does not fit its setting and is ignored', {
        code: 'HW_ENV_OVERRIDE_INVALID',
        pointer,
      });
    }
    if (this.#hasConfig && held) Object.assign(this, { config: this.#effective(held) });
    this.#pending = null;
  }

  #refuse(refusal: Refusal): void {
    this.#lastTrouble = refusal;
    this.#refused[refusal.code] = (this.#refused[refusal.code] ?? 0) + 1;
    this.#log('warn', 'a message was refused', { ...refusal });
    this.#heldBack.tell('refused', refusal);
  }

  #tellState(status: Status, previous: Status): void {
    this.#log(status.state === 'live' ? 'info' : 'warn', 'state changed', {
      ...status,
      previous: previous.state,
    });
    this.#receipts.update();
    this.#heldBack.tell('state', { ...status, previous: previous.state });
  }

  #facts(): ReceiptFacts {
    const { status, held, keyring } = this.#shell.state;
    return {
      epoch: this.epoch,
      digest: this.epoch === null ? null : (held?.digest ?? null),
      state: status.state,
      reason: status.reason,
      restartPending: this.restartPending,
      envOverrides: [...this.#view.overrides.values.keys(), ...this.#view.overrides.secrets.keys()],
      envInvalid: this.#view.overrides.invalid,
      ...receiptSecrets(this.#kept),
      ...(keyring === null ? {} : { keys: keyring.version }),
    };
  }
}
