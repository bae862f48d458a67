/** Where a refused branch is looked at, and accepted. */
import type { AcceptedRewrite, EraState, RefusedBranch, RewritePreview } from '@headwater/schemas/http';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { CommitPlace } from '../epochs/place.ts';
import type { Log } from '../log.ts';
import type { CommitId, ObjectReader } from '../ports.ts';
import type { EnvironmentPublisher } from '../publishing/environment-publisher.ts';
import type { RewriteReview } from '../rewrite-review.ts';
import type { Lineage } from './lineage.ts';
import { changedEnvironments, lostCommits } from './rewrite-preview.ts';

export interface RewriteDeskDeps {
  readonly createEngine: () => EpochEngine;
  readonly reader: Pick<ObjectReader, 'ancestry' | 'readCommit'>;
  readonly branch: string;
  readonly log: Log;
}

/** The pipeline, as far as it is needed here. */
export interface RewriteDeskHost {
  readonly lineage: Lineage;
  readonly publishers: ReadonlyMap<string, EnvironmentPublisher>;
  /** Newest commit of the followed branch. */
  tip(): CommitId | null;
  /** Runs a job between others. */
  run<T>(job: () => Promise<T>): Promise<T>;
  /** Takes another look at what other daemons have said and done. */
  look(): Promise<void>;
  /** Brings everything in step with what holds now. */
  catchUp(): Promise<void>;
}

export class RewriteDesk implements RewriteReview {
  readonly #deps: RewriteDeskDeps;
  readonly #host: RewriteDeskHost;
  /** The engine at the tip that was looked at last: whoever looks usually accepts next. */
  #candidate: EpochEngine | null = null;

  constructor(deps: RewriteDeskDeps, host: RewriteDeskHost) {
    this.#deps = deps;
    this.#host = host;
  }

  state(): EraState {
    const { lineage } = this.#host;
    return {
      era: lineage.era,
      ledger: lineage.ledger.isLocal ? 'local' : 'shared',
      refused: refusedBranch(lineage.line.refusal),
    };
  }

  preview(): Promise<RewritePreview> {
    return this.#host.run(async () => {
      const { lineage, publishers } = this.#host;
      const { tip, refusal } = this.#requireRefused();
      const engine = await this.#engineAt(tip);
      const live = lineage.newest();
      const published = new Map([...publishers].map(([env, publisher]) => [env, publisher.published]));
      return {
        branch: this.#deps.branch,
        era: lineage.era,
        nextEra: lineage.nextEra,
        tip: engine.at as CommitPlace,
        live: live && { commit: live.commit, seq: live.seq },
        refused: refusedBranch(refusal) as RefusedBranch,
        lost: live ? await lostCommits([live.commit], tip, this.#deps.reader) : { total: 0, commits: [] },
        environments: changedEnvironments(published, engine),
      };
    });
  }

  accept(expected: CommitId): Promise<AcceptedRewrite> {
    return this.#host.run(async () => {
      const { lineage, publishers } = this.#host;
      await this.#host.look();
      const { tip } = this.#requireRefused(expected);
      const start = (await this.#engineAt(tip)).at as CommitPlace;
      const before = lineage.newest();
      await lineage.begin(start);
      this.#candidate = null;
      const { era } = lineage;
      this.#deps.log.warn(
        { era, tip, ...(before ? { before: before.commit } : {}) },
        'rewritten history accepted',
      );
      await this.#host.catchUp();
      const published = [...publishers.values()]
        .filter(({ highestEra }) => highestEra === era)
        .map(({ env }) => env);
      return { era, start, published: published.sort() };
    });
  }

  #requireRefused(expected?: CommitId): { tip: CommitId; refusal: HeadwaterError } {
    const { lineage } = this.#host;
    const tip = this.#host.tip();
    if (tip === null) throw lineage.branchMissing();
    if (expected !== undefined && expected !== tip) throw movedOn(this.#deps.branch, expected, tip);
    // A record that nobody can read is a history that nobody can prove: a new era settles both.
    const refusal = lineage.line.refusal ?? lineage.ledger.refusal;
    if (refusal === null) throw noRewrite(this.#deps.branch);
    return { tip, refusal };
  }

  async #engineAt(tip: CommitId): Promise<EpochEngine> {
    if (this.#candidate?.at?.commit === tip) return this.#candidate;
    const engine = this.#deps.createEngine();
    await engine.start(tip);
    this.#candidate = engine;
    return engine;
  }
}

function refusedBranch(refusal: HeadwaterError | null): RefusedBranch | null {
  if (refusal === null) return null;
  const { code, message, hint } = refusal;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function movedOn(branch: string, expected: CommitId, tip: CommitId): HeadwaterError {
  return new HeadwaterError('HW_REF_MOVED', {
    message: `the branch "${branch}" is at ${tip.slice(0, 7)} by now, you looked at ${expected.slice(0, 7)}`,
    hint: 'Look at it again, then accept what you saw.',
  });
}

function noRewrite(branch: string): HeadwaterError {
  return new HeadwaterError('HW_NO_REWRITE', {
    message: `the branch "${branch}" descends from what is live: there is nothing to accept`,
    hint: 'To undo a change, make a new commit: git revert.',
  });
}
