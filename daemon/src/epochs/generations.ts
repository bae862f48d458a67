import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId, CommitInfo, ObjectReader } from '../ports.ts';
import type { CommitPlace } from './place.ts';

/**
 * Generation numbers: `seq = 1 + max(seq(parents))`, roots 1. A pure function of a commit, so replicas agree without talking, and
 * strictly increasing along every fast-forward (first-parent depth is not: a merge pushed as a fast-forward may lower it).
 */
export class Generations {
  readonly #reader: ObjectReader;
  readonly #seqs = new Map<CommitId, number>();
  /** First parents: the line that the branch followed. */
  readonly #before = new Map<CommitId, CommitId>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  /** True when the commit was met before, as a tip or as anybody's ancestor. */
  has(commit: CommitId): boolean {
    return this.#seqs.has(commit);
  }

  /** Learns `tip` and everything behind it that is not behind `known`. */
  async learn(tip: CommitId, known: readonly CommitId[]): Promise<void> {
    for await (const { id, parents } of this.#reader.ancestry(tip, known)) this.#record(id, parents);
  }

  /** Learns the commits of a first-parent chain, oldest first; asks git only when a merge brings in unknown commits. */
  async learnChain(chain: readonly CommitInfo[], known: CommitId): Promise<void> {
    const tip = chain.at(-1);
    if (!tip) return;
    const inChain = new Set(chain.map((commit) => commit.id));
    const isClosed = chain.every((commit) =>
      commit.parents.every((id) => inChain.has(id) || this.#seqs.has(id)),
    );
    if (!isClosed) return this.learn(tip.id, [known]);
    for (const commit of chain) this.#record(commit.id, commit.parents);
  }

  /** Those of `commits` that are neither `from` nor behind it by first parents. One walk, no further back than the oldest of them. */
  beside(from: CommitId, commits: Iterable<CommitId>): Set<CommitId> {
    const missing = new Set(commits);
    const seqs = [...missing].map((commit) => this.#seqs.get(commit) ?? Number.POSITIVE_INFINITY);
    const oldest = seqs.reduce((least, seq) => Math.min(least, seq), Number.POSITIVE_INFINITY);
    for (let at: CommitId | undefined = from; at !== undefined; at = this.#before.get(at)) {
      missing.delete(at);
      if ((this.#seqs.get(at) ?? 0) <= oldest) break; // seq only falls on the way back
    }
    return missing;
  }

  place(commit: CommitId): CommitPlace {
    const seq = this.#seqs.get(commit);
    if (seq === undefined) {
      throw new HeadwaterError('HW_OBJECT_MISSING', {
        message: `the generation of commit ${commit.slice(0, 12)} is unknown`,
        hint: 'Its history is incomplete: fetch it whole, for example with `git fetch --unshallow`.',
      });
    }
    return { commit, seq };
  }

  #record(id: CommitId, parents: readonly CommitId[]): void {
    let highest = 0;
    for (const parent of parents) highest = Math.max(highest, this.place(parent).seq);
    this.#seqs.set(id, highest + 1);
    if (parents[0] !== undefined) this.#before.set(id, parents[0]);
  }
}
