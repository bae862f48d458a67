/**
 * What the daemon's config descends from: which era is in force, whether the branch may be followed, and what happens when it may not.
 * Everything that is published goes through `settle` first.
 */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Attention } from '../attention.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { Era } from '../epochs/era.ts';
import type { CommitPlace } from '../epochs/place.ts';
import { LedgerKeeper } from '../ledger/ledger-keeper.ts';
import type { CommitId, Ledger } from '../ports.ts';
import type { EnvironmentPublisher } from '../publishing/environment-publisher.ts';
import { type Evidence, evidenceOf, newestOf } from './evidence.ts';
import { FollowedLine, type FollowedLineDeps } from './followed-line.ts';

export interface LineageDeps extends Omit<FollowedLineDeps, 'evidence' | 'onFetched'> {
  readonly deployment: string;
  readonly era: Era;
  readonly ledger: Ledger;
}

/** What it is about, as the pipeline has it at the moment. */
export interface LineageScene {
  readonly publishers: ReadonlyMap<string, EnvironmentPublisher>;
  readonly attention: Attention;
  /** Something came to light outside of any job: settle again. */
  lookAgain(): void;
}

export class Lineage {
  readonly #deps: LineageDeps;
  readonly #scene: LineageScene;
  readonly line: FollowedLine;
  readonly ledger: LedgerKeeper;

  constructor(deps: LineageDeps, scene: LineageScene) {
    this.#deps = deps;
    this.#scene = scene;
    this.ledger = new LedgerKeeper({
      ...deps,
      attention: scene.attention,
      published: () => new Map(this.#statements().map(({ env, epoch }) => [env, epoch])),
    });
    this.line = new FollowedLine({
      ...deps,
      evidence: (which) => this.#evidence(which),
      onFetched: () => scene.lookAgain(),
    });
  }

  get era(): number {
    return this.#deps.era.current;
  }

  /** The era that an accepted rewrite would begin. */
  get nextEra(): number {
    return Math.max(this.era, this.#highestSeen()) + 1;
  }

  /** What was published last, as far as anybody knows. */
  newest(): Evidence | null {
    return newestOf(this.#evidence('all'));
  }

  /** `seq` of the newest epoch known to be published in an environment in the era in force; 0 when nothing is known of it. */
  publishedSeq(env: string): number {
    const publisher = this.#scene.publishers.get(env);
    const copies = [...(publisher?.published.values() ?? [])].map(({ epoch }) => epoch);
    const statement = publisher?.lastStatement?.epoch;
    const recorded = this.ledger.record?.era === this.era ? this.ledger.record.published.get(env) : undefined;
    const inEra = [...copies, ...(statement ? [statement] : [])].filter(({ era }) => era === this.era);
    return [...inEra, ...(recorded ? [recorded] : [])].reduce((most, { seq }) => Math.max(most, seq), 0);
  }

  /** The engine from which something may be published now, or `null`. */
  get speaker(): EpochEngine | null {
    // What another daemon began must be understood first.
    return this.#highestSeen() > this.era ? null : this.line.speaker;
  }

  /** Why nothing can be followed at all, with the way back. */
  branchMissing(): HeadwaterError {
    const { branch, putBack } = this.#deps;
    const newest = newestOf(this.#evidence('newest'));
    return new HeadwaterError('HW_BRANCH_MISSING', {
      message: `the branch "${branch}" does not exist`,
      hint: `What was published stays live. Push the branch again${newest ? ` (${putBack(newest.commit, null)})` : ''}, or start with --branch.`,
    });
  }

  /** Reads what earlier runs and other daemons wrote down. */
  async open(): Promise<void> {
    await this.ledger.read();
    this.#raiseEra();
  }

  /**
   * Takes note of everything that is known by now, and brings the engine to `tip` if that is where the published line leads.
   * @throws whatever made a commit unreadable.
   */
  async settle(tip: CommitId | null): Promise<void> {
    // Whoever started the era wrote down where, before anything was published in it.
    if (this.#highestSeen() > this.era) await this.ledger.read();
    this.#raiseEra();
    await this.line.moveTo(tip);
    const { attention } = this.#scene;
    if (this.line.refusal) attention.report('history', this.line.refusal);
    else attention.clear('history');
  }

  /** Starts the next era at a place that was accepted; `settle` then follows the branch there. @throws HeadwaterError as `LedgerKeeper.begin`. */
  async begin(start: CommitPlace): Promise<void> {
    await this.ledger.begin(this.nextEra, start);
    this.#raiseEra();
  }

  #raiseEra(): void {
    const { era, log } = this.#deps;
    if (!era.raise(this.#highestSeen())) return;
    const start = this.ledger.record?.era === era.current ? this.ledger.record.start : undefined;
    log.warn({ era: era.current, ...(start ? { start: start.commit } : {}) }, 'a new era is in force');
    for (const publisher of this.#scene.publishers.values()) publisher.noteAll();
  }

  #highestSeen(): number {
    const eras = [...this.#scene.publishers.values()].map(({ highestEra }) => highestEra);
    return Math.max(this.ledger.record?.era ?? 0, ...eras);
  }

  #evidence(which: 'newest' | 'all'): Evidence[] {
    return evidenceOf(this.era, {
      statements: this.#statements().map(({ epoch }) => epoch),
      copies: which === 'all' ? this.#copies() : [],
      ledger: this.ledger.record,
    });
  }

  #statements() {
    return [...this.#scene.publishers.values()].flatMap(({ env, lastStatement }) =>
      lastStatement ? [{ env, epoch: lastStatement.epoch }] : [],
    );
  }

  *#copies() {
    for (const { published } of this.#scene.publishers.values())
      for (const { epoch } of published.values()) yield epoch;
  }
}
