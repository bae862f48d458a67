/**
 * From commits to epochs. The engine follows the first-parent line of one branch and knows, per environment, what is live, what
 * is held and why. It reads git and judges files, and it neither publishes nor remembers anything on disk: whatever it saw and
 * whenever it started, the same history gives the same result.
 */
import { isHeadwaterError, maxRecentEpochs } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import { isProtected, noPolicy, type Policy } from '../core/policy.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitId, CommitStep } from '../ports.ts';
import { startCold } from './cold-start.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EnvironmentTrack } from './environment-track.ts';
import { Generations } from './generations.ts';
import type { CommitWarning, LineState } from './line-state.ts';
import type { CommitPlace } from './place.ts';
import { PolicyPast } from './policy-past.ts';

/** How the followed branch moved. `rewritten`: the new tip does not descend from what was followed; nothing changes. */
export type Movement = 'same' | 'moved' | 'rewritten';

export class EpochEngine {
  readonly #deps: EngineDeps;
  readonly #generations: Generations;
  #state: LineState | null = null;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#generations = new Generations(deps.reader);
  }

  /** The commit everything here speaks of; `null` before `start`. */
  get at(): CommitPlace | null {
    return this.#state?.at ?? null;
  }

  /** Those of `commits` that do not lie on the followed line: neither where the engine stands nor an ancestor by first parents. */
  beside(commits: Iterable<CommitId>): ReadonlySet<CommitId> {
    return this.at ? this.#generations.beside(this.at.commit, commits) : new Set(commits);
  }

  /** As `beside`, of the line that ends at another commit. Reads only as far as the two lines differ. */
  async besideLineOf(tip: CommitId, commits: Iterable<CommitId>): Promise<ReadonlySet<CommitId>> {
    const missing = new Set(commits);
    let at: CommitId | undefined = tip;
    while (at !== undefined && !this.#generations.has(at)) {
      missing.delete(at);
      at = (await this.#deps.reader.readCommit(at)).parents[0];
    }
    return at === undefined ? missing : this.#generations.beside(at, missing);
  }

  /** A commit that was met before, with its generation. @throws HeadwaterError `HW_OBJECT_MISSING` for any other. */
  placeOf(commit: CommitId): CommitPlace {
    return this.#generations.place(commit);
  }

  /** Where the services left of an environment that is not declared. */
  goneFrom(env: string): ReadonlyMap<string, CommitPlace> {
    return this.#state?.closed.get(env) ?? new Map();
  }

  /** Index of the tree at `at`. @throws before `start`. */
  get index(): RepoIndex {
    return this.#started().index;
  }

  /** Environments that are declared, by name; and those that wait for the leave to be removed. */
  get environments(): ReadonlyMap<string, EnvironmentTrack> {
    return this.#state?.tracks ?? new Map();
  }

  /** Policy in force for the commit after `at`. */
  get policy(): Policy {
    return this.#state?.policy ?? noPolicy;
  }

  /** True when a change of the environment needs an approval. */
  protects(env: string): boolean {
    return isProtected(this.policy, env, this.index.chainOf(env));
  }

  /** Warnings about the newest commits that were followed, oldest first. */
  get warnings(): readonly CommitWarning[] {
    return this.#state?.warnings ?? [];
  }

  /** What the policy says of the commit at which the engine stands: errors hold it, warnings do not. */
  get policyFindings(): readonly Finding[] {
    const { refused, unapproved, warnings, at } = this.#started();
    const newest = warnings.at(-1);
    const warning = newest && newest.place.commit === at?.commit ? [newest.finding] : [];
    return [...(refused ? [refused] : []), ...unapproved.values(), ...warning];
  }

  /** Why no approval may be given for a change on top of `at`: something waits there that would ride along. `null` when one may. */
  get approvalObstacle(): Finding | null {
    return this.#state?.refused ?? [...(this.#state?.unapproved.values() ?? [])][0] ?? null;
  }

  /** Computes the state at `tip` from the history alone. */
  async start(tip: CommitId): Promise<void> {
    const deps = this.#deps;
    const generations = this.#generations;
    await generations.learn(tip, []);
    const policies = await PolicyPast.read(tip, deps, generations);
    const start = { deps, generations, policies };
    try {
      for (let seen = deps.recent ?? maxRecentEpochs; ; seen *= 4) {
        this.#state = await startCold(tip, seen, start);
        if (this.#state.knowsRecent) return;
      }
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      // Something in the past cannot be read. What is live may not need it; then only the list of newest commits is cut short.
      this.#state = await startCold(tip, 0, start);
    }
  }

  /** Follows the branch to a new tip, commit by commit, so that a burst gives what single steps give. */
  async moveTo(tip: CommitId): Promise<Movement> {
    const state = this.#started();
    const at = state.at as CommitPlace;
    if (tip === at.commit) return 'same';
    const chain = await this.#chainTo(tip, at.commit);
    if (!chain) return 'rewritten';
    await this.#generations.learnChain(
      chain.map((step) => step.commit),
      at.commit,
    );
    for (const step of chain) await state.advance(step, this.#generations.place(step.commit.id));
    return 'moved';
  }

  /** First-parent steps after `from` up to `tip`, oldest first; `null` when the line does not lead there. */
  async #chainTo(tip: CommitId, from: CommitId): Promise<CommitStep[] | null> {
    const chain: CommitStep[] = [];
    for (let id: CommitId | undefined = tip; id !== from; ) {
      // A commit met before that is not the one followed lies behind it or beside it: the branch went back or aside.
      if (id === undefined || this.#generations.has(id)) return null;
      const step: CommitStep = await this.#deps.reader.readStep(id);
      chain.push(step);
      id = step.commit.parents[0];
    }
    return chain.reverse();
  }

  #started(): LineState {
    if (!this.#state) throw new Error('the engine was not started');
    return this.#state;
  }
}
