/** Brings the refs of the mirror to what the host has: objects first, and never back without a second look. */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Log } from '../log.ts';
import type { Clock, CommitId, ObjectReader, RefStore, Remote } from '../ports.ts';
import { headwaterRefs, trackingRef } from './upstream.ts';

export interface MirrorRefsDeps {
  readonly remote: Remote;
  /** Of the mirror itself. */
  readonly refs: RefStore;
  readonly reader: Pick<ObjectReader, 'ancestry'>;
  /** Full name of the followed branch. */
  readonly ref: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a host must show an older or another line before it is believed, milliseconds. Default 10 s. */
  readonly confirmMs?: number;
}

/** Hosts answer from several machines, and one of them may be seconds behind: that looks like a branch that was moved back. */
const defaultConfirmMs = 10_000;

/** A fetch that takes longer says where it is, this often, milliseconds. */
const progressEveryMs = 1_000;

export class MirrorRefs {
  readonly #deps: MirrorRefsDeps;
  readonly #confirmMs: number;
  #doubt: { readonly tip: CommitId; readonly since: number } | null = null;

  constructor(deps: MirrorRefsDeps) {
    this.#deps = deps;
    this.#confirmMs = deps.confirmMs ?? defaultConfirmMs;
  }

  /** Fetches what `tips` name and is new, then moves the refs of the mirror. @throws as `Remote.fetch` and `RefStore`. */
  async take(tips: ReadonlyMap<string, CommitId>): Promise<void> {
    const known = await this.#usable(tips);
    const news = new Map<string, CommitId>();
    for (const [ref, { id, tracked }] of known) if (tracked !== id) news.set(ref, id);
    if (news.size > 0) await this.#fetch(news);
    for (const [ref, id] of news) await this.set(trackingRef(ref), id);
    for (const [ref, { id }] of known) await this.#align(ref, id);
  }

  /** Time until an unlikely move of the followed branch is believed, milliseconds; `null` = there is none. */
  get doubtMs(): number | null {
    if (this.#doubt === null) return null;
    return Math.max(0, this.#doubt.since + this.#confirmMs - this.#deps.clock.monotonic());
  }

  /** Moves a ref of the mirror, wherever it is now. */
  async set(ref: string, next: CommitId): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const now = await this.#deps.refs.read(ref);
      if (now === next) return;
      try {
        await this.#deps.refs.compareAndSwap(ref, now, next);
        return;
      } catch (error) {
        if (attempt >= 5 || !isHeadwaterError(error, 'HW_REF_MOVED')) throw error;
      }
    }
  }

  /** True when `old` is `tip` or one of its ancestors. */
  async descends(tip: CommitId, old: CommitId): Promise<boolean> {
    if (tip === old) return true;
    for await (const { parents } of this.#deps.reader.ancestry(tip, [old]))
      if (parents.includes(old)) return true;
    return false;
  }

  /** Leaves out names that cannot be kept here; the followed branch is not among them, or the daemon would not have started. */
  async #usable(
    tips: ReadonlyMap<string, CommitId>,
  ): Promise<Map<string, { id: CommitId; tracked: CommitId | null }>> {
    const usable = new Map<string, { id: CommitId; tracked: CommitId | null }>();
    for (const [ref, id] of tips) {
      try {
        usable.set(ref, { id, tracked: await this.#deps.refs.read(trackingRef(ref)) });
      } catch (error) {
        if (!isHeadwaterError(error, 'HW_NAME_INVALID')) throw error;
        this.#deps.log.debug(
          { ref: ref.slice(0, 200) },
          'a ref of the host has a name that is not kept here',
        );
      }
    }
    return usable;
  }

  async #fetch(news: ReadonlyMap<string, CommitId>): Promise<void> {
    const { remote, clock, log } = this.#deps;
    const started = clock.monotonic();
    let said = started;
    await remote.fetch(news, ({ phase, percent }) => {
      const now = clock.monotonic();
      if (now - said < progressEveryMs) return;
      said = now;
      log.info({ url: remote.url, phase, ...(percent === null ? {} : { percent }) }, 'fetching');
    });
    log.debug({ refs: [...news.keys()], ms: Math.round(clock.monotonic() - started) }, 'fetched');
  }

  async #align(ref: string, id: CommitId): Promise<void> {
    const { refs, log } = this.#deps;
    const isFollowed = ref === this.#deps.ref;
    const local = await refs.read(ref);
    if (local === id) {
      if (isFollowed) this.#doubt = null;
      return;
    }
    const isForward = local === null || (await this.descends(id, local));
    if (!isForward) {
      // Ours may be ahead: with a host that takes no pushes it is kept here alone.
      if (ref.startsWith(headwaterRefs.slice(0, -1))) return;
      if (isFollowed && !this.#isConfirmed(id)) return;
    }
    await this.set(ref, id);
    if (!isFollowed) return;
    this.#doubt = null;
    if (isForward) log.debug({ commit: id }, 'followed branch moved with its host');
    else log.warn({ commit: id, before: local }, 'followed branch was moved back or rewritten at its host');
  }

  #isConfirmed(tip: CommitId): boolean {
    const now = this.#deps.clock.monotonic();
    if (this.#doubt?.tip !== tip) this.#doubt = { tip, since: now };
    return now - this.#doubt.since >= this.#confirmMs;
  }
}

/** The ref is elsewhere than a writer thought. */
export function refMoved(ref: string, expected: CommitId | null, actual: CommitId | null): HeadwaterError {
  return new HeadwaterError('HW_REF_MOVED', {
    message: `${ref} moved: expected ${expected ?? 'no such branch'}, got ${actual ?? 'no such branch'}`,
    hint: 'Read the new tip, apply the change to it, and try again.',
    details: { ref, expected, actual },
  });
}
