/**
 * The line of commits that the daemon follows: an engine that keeps up with the branch, starts anew after trouble, and never leaves
 * what was published. A branch that leads elsewhere is refused, and the engine stays where the published line ends.
 */
import { describeEpoch, type HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { CommitPlace } from '../epochs/place.ts';
import type { Log } from '../log.ts';
import type { Clock, CommitId, ObjectReader } from '../ports.ts';
import { type Evidence, newestOf } from './evidence.ts';
import { type PutBack, rewritten } from './rewritten.ts';

export interface FollowedLineDeps {
  /** A fresh engine; asked again when one failed in the middle of a commit. */
  readonly createEngine: () => EpochEngine;
  readonly reader: Pick<ObjectReader, 'readCommit' | 'ancestry'>;
  /**
   * What was published in the era in force. `newest` leaves out single messages: they lie behind the statements, and there may be
   * ten thousand of them.
   */
  readonly evidence: (which: 'newest' | 'all') => readonly Evidence[];
  /** The branch as it is this very moment. */
  readonly readTip: () => Promise<CommitId | null>;
  /** Brings in what is missing here, when the repository is a copy of another one. */
  readonly fetchMissing?: ((commit: CommitId) => Promise<void>) | undefined;
  /** Called when a fetch ended, whatever came of it: time to look again. */
  readonly onFetched: () => void;
  readonly putBack: PutBack;
  readonly branch: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a commit that another daemon published may be missing here: bringing it in takes seconds at most. */
const patienceMs = 30_000;

/** A published commit that is not in the repository. */
interface Awaited {
  readonly place: CommitPlace;
  /** On the monotonic clock. */
  readonly sinceMs: number;
  isFetching: boolean;
}

export class FollowedLine {
  readonly #deps: FollowedLineDeps;
  #engine: EpochEngine | null = null;
  /** Something published lay on the engine's line, so what it calls live is no guess. */
  #isConfirmed = false;
  #isStuck = false;
  /** Everything published lies on the engine's line, as of the last look at all of it. */
  #isComplete = false;
  #tip: CommitId | null = null;
  #refusal: HeadwaterError | null = null;
  #awaited: Awaited | null = null;
  /** Published commits that were found on the engine's line: it only goes on, so they stay there. */
  #proven = new Set<CommitId>();
  /** Whether the branch is refused will be known soon: a commit or a move of the branch is on its way. */
  #isWaiting = false;

  constructor(deps: FollowedLineDeps) {
    this.#deps = deps;
  }

  /** The engine that knows what is live; `null` before the first commit, and when all there is is a branch that is refused. */
  get engine(): EpochEngine | null {
    return this.#refusal && !this.#isConfirmed ? null : this.#engine;
  }

  /** The engine wherever it got, also while the branch is refused and nothing speaks for it: for questions about its commits alone. */
  get reading(): EpochEngine | null {
    return this.#engine;
  }

  /** The same engine when something may be published from it: everything published so far lies on its line. */
  get speaker(): EpochEngine | null {
    return this.#isComplete && !this.#isWaiting && this.#holds('newest') ? this.engine : null;
  }

  /** It met something unreadable in the middle of a commit: it still knows what is live, but must start anew to go on. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Why the branch is refused, or `null`. */
  get refusal(): HeadwaterError | null {
    return this.#refusal;
  }

  /** As `refusal`, and also while a published commit is missing here: nothing may be built on such a branch. */
  get doubt(): HeadwaterError | null {
    return (
      this.#refusal ?? (this.#isWaiting && this.#awaited ? this.#rewritten(this.#awaited.place, false) : null)
    );
  }

  /**
   * Brings the engine to `tip` (`null` = the branch does not exist), or as far as it gets, and judges whether what was published lies
   * on its line. The same tip again asks whether something else was published meanwhile.
   * @throws whatever made a commit unreadable.
   */
  async moveTo(tip: CommitId | null): Promise<void> {
    this.#tip = tip;
    this.#isWaiting = false;
    try {
      if (tip === null) await this.#stay();
      else await this.#follow(tip);
    } catch (error) {
      this.#isStuck = true;
      throw error;
    }
  }

  async #follow(tip: CommitId): Promise<void> {
    const { evidence, createEngine } = this.#deps;
    const engine = this.#engine;
    if (engine && !this.#isStuck) {
      if ((await engine.moveTo(tip)) !== 'rewritten')
        return this.#judge(engine, evidence(this.#isComplete ? 'newest' : 'all'));
      const all = evidence('all');
      const beside = await engine.besideLineOf(tip, commitsOf(all));
      if (beside.size > 0) return this.#depart(all, beside);
    }
    // The first look, trouble, or a branch that only left what nobody ever published.
    const fresh = createEngine();
    await fresh.start(tip);
    await this.#judge(fresh, evidence('all'));
  }

  /** Judges by an engine that stands at the tip. */
  async #judge(engine: EpochEngine, evidence: readonly Evidence[]): Promise<void> {
    const beside = this.#beside(engine, evidence);
    if (beside.size === 0) {
      this.#isConfirmed = evidence.length > 0 || (this.#isConfirmed && engine === this.#engine);
      this.#take(engine);
      this.#settle();
      return;
    }
    // An engine that is there already knows better what was live, even one that is stuck.
    if (!this.#engine) this.#take(engine);
    await this.#depart(evidence, beside);
  }

  #settle(): void {
    this.#isStuck = false;
    this.#isComplete = true;
    this.#refusal = null;
    this.#awaited = null;
  }

  /** The branch does not exist: what was published last stays. */
  async #stay(): Promise<void> {
    this.#refusal = null;
    const newest = newestOf(this.#deps.evidence('all'));
    if (!this.#engine && newest && (await this.#isHere(newest.commit))) await this.#startAt(newest.commit);
    this.#isComplete = this.#holds('all');
  }

  /** The tip does not descend from everything published. Either the branch was rewritten, or more of it is to come. */
  async #depart(evidence: readonly Evidence[], beside: ReadonlySet<CommitId>): Promise<void> {
    const newest = newestOf(evidence.filter(({ commit }) => beside.has(commit))) as Evidence;
    const isHere = await this.#isHere(newest.commit);
    if (isHere) this.#awaited = null;
    else if (this.#isOnItsWay(newest)) {
      this.#isWaiting = true;
      return;
    }
    // Whoever published it had seen it on the branch: what counts is the branch now, not the last news of it.
    if ((await this.#deps.readTip()) !== this.#tip) {
      this.#isWaiting = true;
      return;
    }
    this.#refusal = this.#rewritten(newest, isHere);
    this.#isComplete = this.#holds('all');
    if (this.#isComplete || !isHere) return;
    await this.#startAt(newest.commit);
    this.#isComplete = this.#holds('all');
  }

  /** True as long as it is too early to say that a missing commit does not come. */
  #isOnItsWay(missing: Evidence): boolean {
    const { clock, fetchMissing, onFetched, log } = this.#deps;
    const now = clock.monotonic();
    let awaited = this.#awaited;
    if (awaited?.place.commit !== missing.commit) {
      awaited = { place: missing, sinceMs: now, isFetching: fetchMissing !== undefined };
      this.#awaited = awaited;
      const fetched = awaited;
      log.info({ epoch: describeEpoch(missing) }, 'a published commit is not here yet, standing by');
      void fetchMissing?.(missing.commit)
        .catch((error: unknown) => log.warn({ err: error }, 'a published commit cannot be fetched'))
        .finally(() => {
          fetched.isFetching = false;
          onFetched();
        });
    }
    if (awaited.isFetching) return true;
    // What this daemon remembers by itself it had: then it is gone. What another one says may take a moment to come.
    return missing.source === 'statement' && now - awaited.sinceMs <= patienceMs;
  }

  async #isHere(commit: CommitId): Promise<boolean> {
    try {
      await this.#deps.reader.readCommit(commit);
      return true;
    } catch (error) {
      if (isHeadwaterError(error, 'HW_OBJECT_MISSING')) return false;
      throw error;
    }
  }

  /** Makes the engine anew where the published line ends. */
  async #startAt(commit: CommitId): Promise<void> {
    try {
      const engine = this.#deps.createEngine();
      await engine.start(commit);
      this.#take(engine);
      this.#isConfirmed = true;
      this.#isStuck = false;
    } catch (error) {
      // git may have collected some of what nobody names any more; then the stored messages are all there is.
      this.#deps.log.warn({ err: error, commit }, 'the published commit cannot be read');
    }
  }

  #holds(which: 'newest' | 'all'): boolean {
    return this.#engine !== null && this.#beside(this.#engine, this.#deps.evidence(which)).size === 0;
  }

  /** Published commits that are not on an engine's line. Asked many times for every commit, so what is known of ours is not asked again. */
  #beside(engine: EpochEngine, evidence: readonly Evidence[]): ReadonlySet<CommitId> {
    if (engine !== this.#engine) return engine.beside(commitsOf(evidence));
    const open = commitsOf(evidence).filter((commit) => !this.#proven.has(commit));
    if (open.length === 0) return nothing;
    const beside = engine.beside(open);
    if (this.#proven.size > maxProven) this.#proven.clear();
    for (const commit of open) if (!beside.has(commit)) this.#proven.add(commit);
    return beside;
  }

  #take(engine: EpochEngine): void {
    if (engine !== this.#engine) this.#proven.clear();
    this.#engine = engine;
  }

  #rewritten(live: CommitPlace, isHere: boolean): HeadwaterError {
    const { branch, putBack } = this.#deps;
    return rewritten({ branch, tip: this.#tip, live, putBack: isHere ? putBack : null });
  }
}

const nothing: ReadonlySet<CommitId> = new Set();
const maxProven = 10_000;

const commitsOf = (evidence: readonly Evidence[]): CommitId[] => evidence.map(({ commit }) => commit);
