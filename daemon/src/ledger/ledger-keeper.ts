/**
 * Keeps the ledger up to date and tells what it says. It is written when an era starts and otherwise at most once a minute: after a
 * crash it may lag by that much, and the stored messages make up for it.
 */
import { type Epoch, HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Attention } from '../attention.ts';
import type { EraSource } from '../epochs/era.ts';
import type { CommitPlace } from '../epochs/place.ts';
import type { Clock, Ledger, LedgerEntry, LedgerRecord } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';
import { mergeRecord } from './merge-record.ts';
import { type OwnLine, withoutClaims } from './without-claims.ts';

export interface LedgerKeeperDeps {
  readonly ledger: Ledger;
  readonly deployment: string;
  readonly clock: Clock;
  readonly attention: Attention;
  readonly era: EraSource;
  /** Newest verified statement of each environment, whoever made it. */
  readonly published: () => ReadonlyMap<string, Epoch>;
}

const saveEveryMs = 60_000;
/** Whoever is faster so many times in a row, and leaves nothing to be seen, is none of us: the ledger is stuck. */
const maxMissed = 3;
/** Others write once a minute, too. */
const maxAttempts = 3;

export class LedgerKeeper {
  readonly #deps: LedgerKeeperDeps;
  /** Reading and writing it, one after the other; publishing does not wait for that. */
  readonly #queue = new SerialQueue();
  #entry: LedgerEntry | null = null;
  /** What stands there and cannot be believed. */
  #unreadable: HeadwaterError | null = null;
  #missed = 0;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(deps: LedgerKeeperDeps) {
    this.#deps = deps;
  }

  /** The newest record that could be believed. */
  get record(): LedgerRecord | null {
    return this.#entry?.record ?? null;
  }

  get isLocal(): boolean {
    return this.#deps.ledger.isLocal;
  }

  /** Why what stands in the ledger is not believed, or `null`. */
  get refusal(): HeadwaterError | null {
    return this.#unreadable;
  }

  /** Reads it again. What cannot be believed is reported, and the last record that could stays in use. */
  read(): Promise<void> {
    return this.#queue.run(() => this.#read());
  }

  /**
   * Starts an era, durably, also over an entry that nobody could read.
   * @throws HeadwaterError `HW_REF_MOVED` when another daemon started one meanwhile; its record is read then. Else as `Ledger.append`.
   */
  begin(era: number, start: CommitPlace): Promise<void> {
    return this.#queue.run(async () => {
      const { deployment } = this.#deps;
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#append({ deployment, era, start, published: new Map() });
        } catch (error) {
          // Another daemon may just have written down what it published, which is no reason to ask again.
          const isTaken = (this.record?.era ?? 0) >= era;
          if (!isHeadwaterError(error, 'HW_REF_MOVED') || isTaken || attempt === maxAttempts) throw error;
        }
      }
    });
  }

  /** Something was published: writes it down now, or as soon as the last time is a minute ago. */
  note(): void {
    if (this.#timer || this.#stopped) return;
    const waitMs = Math.max(0, this.#savedAtMs + saveEveryMs - this.#deps.clock.monotonic());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.save();
    }, waitMs).unref();
  }

  /** Writes down what was published, if that is news. Never throws: what fails is reported and tried again with the next statement. */
  save(): Promise<void> {
    return this.#queue.run(async () => {
      this.#savedAtMs = this.#deps.clock.monotonic();
      await this.#read(); // another daemon may have said it already
      if (this.#unreadable) return;
      const next = mergeRecord(this.record, {
        deployment: this.#deps.deployment,
        era: this.#deps.era.current,
        published: this.#deps.published(),
      });
      if (next === null || (next === this.record && this.#entry?.isFresh)) return;
      try {
        await this.#append(next);
      } catch (error) {
        if (!this.#isNothing(error)) this.#deps.attention.report('ledger-write', error);
      }
    });
  }

  /**
   * Keys changed: what this daemon believed so far is written anew, under the seals that count now. What somebody else put there since,
   * under a key that counts no more, stays refused.
   * @param line Places that do not lie on it are left out. `null`: nothing is.
   */
  reseal(line: OwnLine | null): Promise<void> {
    return this.#queue.run(async () => {
      const before = this.#entry;
      await this.#read();
      const isUnsealed = this.#unreadable !== null && this.#unreadable.details.id === before?.id;
      if (before === null || (this.#unreadable && !isUnsealed)) return;
      const record = (this.#entry ?? before).record;
      const next = line === null ? record : await withoutClaims(record, line);
      if (next === record && !isUnsealed && this.#entry?.isFresh) return;
      try {
        await this.#append(next);
      } catch (error) {
        if (!this.#isNothing(error)) this.#deps.attention.report('ledger-write', error);
      }
    });
  }

  /** A host that is away is reported by who talks to it, and whoever moved the ledger wrote it down. */
  #isNothing(error: unknown): boolean {
    if (!isHeadwaterError(error, 'HW_REF_MOVED')) return isHeadwaterError(error, 'HW_UPSTREAM_UNREACHABLE');
    this.#missed += 1;
    return this.#missed < maxMissed;
  }

  /** Writes down the last news. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.save();
  }

  async #read(): Promise<void> {
    const { ledger, attention } = this.#deps;
    try {
      this.#entry = (await ledger.read()) ?? this.#forgotten();
      this.#unreadable = null;
      attention.clear('ledger');
    } catch (error) {
      attention.report('ledger', error);
      this.#unreadable = isHeadwaterError(error) ? error : wrap(error);
    }
  }

  /** The ledger is gone: what it said still holds, and the next entry is the first one again. */
  #forgotten(): LedgerEntry | null {
    return this.#entry && { ...this.#entry, id: null, isFresh: false };
  }

  async #append(record: LedgerRecord): Promise<void> {
    const { ledger, attention } = this.#deps;
    try {
      this.#entry = await ledger.append(record, this.#standingId());
      this.#unreadable = null;
      this.#missed = 0;
      attention.clear('ledger');
      attention.clear('ledger-write');
    } catch (error) {
      if (isHeadwaterError(error, 'HW_REF_MOVED')) await this.#read();
      throw error;
    }
  }

  /** What an entry is written on top of: the one that was read, or the one that could not be. */
  #standingId(): string | null {
    const id = this.#unreadable?.details.id;
    if (typeof id === 'string') return id;
    return this.#entry?.id ?? null;
  }
}

const wrap = (cause: unknown): HeadwaterError =>
  new HeadwaterError('HW_INTERNAL', { message: 'the ledger cannot be read', cause });
