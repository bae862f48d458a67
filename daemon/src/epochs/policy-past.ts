/**
 * Which policy was in force where on the followed line. Policies change rarely, so only the commits that touch `headwater.json` or
 * `allowed_signers` are looked at, oldest first; and those after one whose policy did not come into force yet.
 */
import { isEqualPolicy, isHopeless, noPolicy, type Policy } from '../core/policy.ts';
import { settingsPath } from '../core/repo-settings.ts';
import { allowedSignersPath } from '../core/signatures/allowed-signers.ts';
import type { CommitId, CommitInfo, CommitStep } from '../ports.ts';
import { policyAfter } from './approval-rules.ts';
import { type JudgedCommit, judgeCommit } from './commit-verdict.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { Generations } from './generations.ts';
import type { CommitPlace } from './place.ts';

const policyFiles: readonly string[] = [settingsPath, allowedSignersPath];

export class PolicyPast {
  readonly #deps: EngineDeps;
  readonly #generations: Generations;
  /** Where another policy came into force, oldest first. */
  readonly #changes: { readonly seq: number; readonly policy: Policy }[] = [];

  private constructor(deps: EngineDeps, generations: Generations) {
    this.#deps = deps;
    this.#generations = generations;
  }

  /** Looks at the whole line that ends at `tip`. */
  static async read(tip: CommitId, deps: EngineDeps, generations: Generations): Promise<PolicyPast> {
    const past = new PolicyPast(deps, generations);
    const steps: CommitStep[] = [];
    for await (const step of deps.reader.firstParentLog(tip, policyFiles)) steps.push(step);
    const index = await deps.createIndex();
    for (let step = steps.pop(); step; step = steps.pop()) {
      await index.apply(step.changes);
      await past.#pass(step.commit, index.policy);
      await past.#catchUp(step.commit, steps.at(-1)?.commit.parents[0] ?? tip, index.policy);
    }
    return past;
  }

  /** In force at the first parent of the commit at a place of the line. */
  before(place: CommitPlace): Policy {
    return this.#newest(place.seq - 1);
  }

  /** In force from the commit at a place of the line. */
  from(place: CommitPlace): Policy {
    return this.#newest(place.seq);
  }

  /** A commit of the line, judged. @param stated The policy of its own tree. */
  judge(commit: CommitInfo, stated: Policy | null): Promise<JudgedCommit> {
    const place = this.#generations.place(commit.id);
    return judgeCommit(commit, { place, inForce: this.before(place), stated }, this.#deps);
  }

  /** Takes in a commit newer than all before it. */
  async #pass(commit: CommitInfo, stated: Policy | null): Promise<void> {
    const judged = await this.judge(commit, stated);
    const policy = policyAfter(judged);
    if (policy !== judged.inForce) this.#changes.push({ seq: judged.place.seq, policy });
  }

  /** A policy that waits comes into force at the next commit that is allowed to change it, whatever that one touches. */
  async #catchUp(from: CommitInfo, to: CommitId, stated: Policy | null): Promise<void> {
    if (!this.#isWaiting(from, stated)) return;
    const between: CommitInfo[] = [];
    for (let id: CommitId | undefined = to; id !== undefined && id !== from.id; ) {
      const commit: CommitInfo = await this.#deps.reader.readCommit(id);
      between.push(commit);
      id = commit.parents[0];
    }
    for (let at = from, next = between.pop(); next && this.#isWaiting(at, stated); next = between.pop()) {
      await this.#pass(next, stated);
      at = next;
    }
  }

  #isWaiting(commit: CommitInfo, stated: Policy | null): boolean {
    if (stated === null || isHopeless(stated)) return false;
    return !isEqualPolicy(stated, this.from(this.#generations.place(commit.id)));
  }

  /** The newest change at or before a place in order. */
  #newest(seq: number): Policy {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#changes[low - 1]?.policy ?? noPolicy;
  }
}
