/**
 * Keeps the mirror in step with its host: looks every few seconds, fetches what is new, moves the local refs, and the watcher of the
 * local branch does the rest. A host that is away stops nothing; it is told in health and looked for until it is back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Attention } from '../attention.ts';
import { SerialQueue } from '../serial-queue.ts';
import { MirrorRefs, type MirrorRefsDeps } from './mirror-refs.ts';
import { nextLookMs } from './sync-pace.ts';
import { headwaterRefs, proposalRefs, type SyncMark, type Upstream, type UpstreamState } from './upstream.ts';

export interface RemoteSyncDeps extends MirrorRefsDeps {
  readonly attention: Attention;
  readonly mark: SyncMark;
  /** Time between two looks, milliseconds. */
  readonly pollMs: number;
}

/** A host that takes no pushes is asked about it again after this time, milliseconds. */
const probeEveryMs = 10 * 60_000;

/** A push that runs when the daemon is stopped gets this long to end, milliseconds. */
const finishWriteMs = 5_000;

/** The mark on disk is for people, after a restart. */
const markEveryMs = 30_000;

export class RemoteSync implements Upstream {
  readonly #deps: RemoteSyncDeps;
  readonly #queue = new SerialQueue();
  readonly mirror: MirrorRefs;
  #failures = 0;
  #reachable = false;
  #takesPushes = true;
  /** Monotonic; `null` = never asked. */
  #probedAt: number | null = null;
  #syncedAt: number | null;
  #markedAt = 0;
  /** Monotonic: the host asked not to be asked before. */
  #patientUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #requested: Promise<void> | null = null;
  #stopped = false;
  #isWriting = false;

  constructor(deps: RemoteSyncDeps) {
    this.#deps = deps;
    this.mirror = new MirrorRefs(deps);
    this.#syncedAt = deps.mark.read();
  }

  /** True until the host said otherwise. */
  get takesPushes(): boolean {
    return this.#takesPushes;
  }

  get state(): UpstreamState {
    return { url: this.#deps.remote.url, reachable: this.#reachable, syncedAt: this.#syncedAt };
  }

  /** One whole look that must succeed: the mirror is new and nothing can be done without it. @throws as `Remote`. */
  async first(): Promise<void> {
    await this.exclusive(async () => {
      await this.refresh();
      await this.#probe();
    });
  }

  /** Looks now, and regularly from then on. */
  start(): void {
    void this.request();
  }

  request(): Promise<void> {
    if (this.#deps.clock.monotonic() < this.#patientUntil) return Promise.resolve();
    return this.#soon();
  }

  #soon(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#requested ??= this.exclusive(async () => {
      this.#requested = null;
      await this.#look();
    });
    return this.#requested;
  }

  /** Runs `job` while nothing else talks to the host: what was read before it must not overtake what it does. */
  exclusive<T>(job: () => Promise<T>): Promise<T> {
    return this.#queue.run(job);
  }

  /** As `exclusive`, for what changes the host: the daemon does not stop in the middle of it if it can wait. */
  async write<T>(job: () => Promise<T>): Promise<T> {
    return this.exclusive(async () => {
      this.#isWriting = true;
      return job().finally(() => {
        this.#isWriting = false;
      });
    });
  }

  /** Asks for everything and takes it. For use inside `exclusive`. @throws as `Remote`. */
  async refresh(): Promise<void> {
    await this.#takeFresh();
    this.reached();
  }

  /** The host answered and everything is here. */
  reached(): void {
    const { clock, mark, attention } = this.#deps;
    this.#failures = 0;
    this.#reachable = true;
    this.#syncedAt = clock.now();
    if (Math.abs(this.#syncedAt - this.#markedAt) >= markEveryMs) {
      this.#markedAt = this.#syncedAt;
      mark.write(this.#syncedAt);
    }
    attention.clear('upstream');
  }

  /** Finishes what runs; nothing is asked of the host afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const idle = this.#queue.idle();
    const patience = new AbortController();
    if (this.#isWriting) {
      const late = sleep(finishWriteMs, undefined, { signal: patience.signal }).catch(() => {});
      await Promise.race([idle, late]).finally(() => patience.abort());
    }
    await this.#deps.remote.close();
    await idle;
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    let retryAfterMs = 0;
    try {
      await this.refresh();
      await this.#probe();
    } catch (error) {
      retryAfterMs = this.#failed(error);
    }
    this.#lookAgain(retryAfterMs);
  }

  /** Learns whether the host takes pushes: once, and now and then while it does not, because tokens are renewed. @throws as `Remote`. */
  async #probe(): Promise<void> {
    const { remote, clock, log } = this.#deps;
    const now = clock.monotonic();
    if (this.#probedAt !== null && (this.#takesPushes || now - this.#probedAt < probeEveryMs)) return;
    const before = this.#probedAt === null || this.#takesPushes;
    this.#takesPushes = await remote.takesPushes();
    this.#probedAt = now;
    if (this.#takesPushes === before) return;
    if (this.#takesPushes) log.info({ url: remote.url }, 'the host takes pushes now');
    else log.warn({ url: remote.url }, 'the host takes no pushes: what the daemon writes stays here');
  }

  #lookAgain(retryAfterMs: number): void {
    if (this.#stopped) return;
    const { pollMs, clock } = this.#deps;
    const random = Math.random();
    const usualMs = nextLookMs({ pollMs, failures: this.#failures, retryAfterMs, random });
    // What is doubted is looked at again when it counts.
    const waitMs = this.#failures === 0 ? Math.min(usualMs, this.mirror.doubtMs ?? usualMs) : usualMs;
    this.#patientUntil = clock.monotonic() + retryAfterMs;
    this.#timer = setTimeout(() => void this.#soon(), waitMs).unref();
  }

  async #takeFresh(): Promise<void> {
    const { remote, ref, attention } = this.#deps;
    const wanted = [ref, proposalRefs, headwaterRefs];
    let tips = await remote.tips(wanted);
    try {
      await this.mirror.take(tips);
    } catch (error) {
      // It moved between the two requests; what it shows now can be had.
      if (!isHeadwaterError(error, 'HW_OBJECT_MISSING')) throw error;
      tips = await remote.tips(wanted);
      await this.mirror.take(tips);
    }
    if (tips.has(ref)) attention.clear('upstream-branch');
    else attention.report('upstream-branch', branchMissing(ref, remote.url));
  }

  /** @returns How long the host wants to be left alone, milliseconds. */
  #failed(error: unknown): number {
    const { attention, log } = this.#deps;
    if (this.#stopped) return 0;
    this.#failures++;
    if (!isHeadwaterError(error)) {
      attention.report('upstream', error);
      return 0;
    }
    if (error.code === 'HW_UPSTREAM_UNREACHABLE' || error.code === 'HW_UPSTREAM_REFUSED')
      this.#reachable = false;
    log.debug({ err: error, said: error.details.said, failures: this.#failures }, 'host not in step');
    attention.report('upstream', this.#withAge(error));
    const { retryAfterMs } = error.details;
    return typeof retryAfterMs === 'number' ? retryAfterMs : 0;
  }

  /** The same words for as long as it lasts, so that it is news once. */
  #withAge(error: HeadwaterError): HeadwaterError {
    const since =
      this.#syncedAt === null ? 'never in step' : `in step until ${new Date(this.#syncedAt).toISOString()}`;
    return new HeadwaterError(error.code, {
      message: `${error.message}; ${since}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function branchMissing(ref: string, url: string): HeadwaterError {
  return new HeadwaterError('HW_BRANCH_MISSING', {
    message: `the branch "${ref.replace('refs/heads/', '')}" does not exist at ${url}`,
    hint: 'Everything stays as it is. Push the branch again, or start with --branch.',
  });
}
