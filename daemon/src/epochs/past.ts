/**
 * What the history behind a commit says of it, in one pass back over the first-parent line: each commit is undone in a second index,
 * and whoever's inputs change there was changed by that commit.
 */
import { asksForApproval, isProtected, isSamePolicy, type Policy } from '../core/policy.ts';
import { type RepoIndex, reverseChanges } from '../core/repo-index.ts';
import type { CommitInfo, TreeChange } from '../ports.ts';
import { isApproved } from './approval-rules.ts';
import { absent, frameOf } from './approved-base.ts';
import { claimsApproval, type JudgedCommit } from './commit-verdict.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EnvironmentPast } from './environment-past.ts';
import type { Generations } from './generations.ts';
import type { CommitPlace } from './place.ts';
import type { PolicyPast } from './policy-past.ts';
import { isMassRemoval } from './removal-guard.ts';

/**
 * - `found`: by name, every environment that was ever declared.
 * - `guarded`: some earlier commit had so many more services that the removal guard may have had a say. Only a replay tells.
 * - `unapproved`: the commit changes a protected environment without approval. `approvedSeq`: where the newest approved one lies.
 */
export type Past =
  | { readonly kind: 'found'; readonly environments: ReadonlyMap<string, EnvironmentPast> }
  | { readonly kind: 'guarded' }
  | { readonly kind: 'unapproved'; readonly approvedSeq: number };

/** @param start A commit valid as a whole, but for its approval. */
export async function findPast(
  start: JudgedCommit,
  deps: EngineDeps,
  generations: Generations,
  policies: PolicyPast,
): Promise<Past> {
  const index = await deps.createIndex();
  const files = await deps.reader.listFiles(start.place.commit);
  await index.apply(
    files.map(({ path, mode, oid }): TreeChange => ({ path, from: null, to: { mode, oid } })),
  );
  const searches = new Map(index.environments().map((env) => [env, new PastSearch(env, index, true)]));
  for (const env of start.inForce.covered)
    if (!searches.has(env)) searches.set(env, new PastSearch(env, index, false));
  for (const search of searches.values()) search.askForApproval(start, index);

  for await (const { commit, changes } of deps.reader.firstParentLog(start.place.commit)) {
    const place = generations.place(commit.id);
    const approvedSeq = await findUnapproved(commit, searches.values(), index, policies, place);
    if (approvedSeq !== null) return { kind: 'unapproved', approvedSeq };
    const touched = await index.apply(reverseChanges(changes));
    if (touched.all) {
      for (const env of index.environments())
        if (!searches.has(env)) searches.set(env, new PastSearch(env, index, false));
    }
    for (const search of searches.values()) {
      search.undo(touched.all ? null : touched.services, index, place);
      if (search.mayHaveBeenGuarded(index)) return { kind: 'guarded' };
    }
  }
  return { kind: 'found', environments: searches };
}

/** `index` stands at the commit. @returns Its `seq` when it is the newest approved one of an environment that differs from it. */
async function findUnapproved(
  commit: CommitInfo,
  searches: Iterable<PastSearch>,
  index: RepoIndex,
  policies: PolicyPast,
  place: CommitPlace,
): Promise<number | null> {
  const waiting = [...searches].filter((search) => search.isWaiting);
  if (waiting.length === 0) return null;
  const inForce = policies.before(place);
  const asked = claimsApproval(commit) ? waiting : waiting.filter((search) => search.isFree(inForce, index));
  if (asked.length === 0) return null;
  const judged = await policies.judge(commit, index.policy);
  return asked.every((search) => search.meet(judged, index)) ? null : place.seq;
}

/** Looks at the past of one environment. */
class PastSearch implements EnvironmentPast {
  readonly epochs = new Map<string, CommitPlace>();
  readonly gone = new Map<string, CommitPlace>();
  readonly #env: string;
  readonly #isDeclared: boolean;
  /** Keys of inputs where the search began. */
  readonly #present: ReadonlyMap<string, string>;
  readonly #frame: string;
  /** Keys of inputs as the commit that is undone next left them. */
  readonly #keys: Map<string, string>;
  #isWaiting = false;
  /** Services whose inputs differ from those where the search began. Known only while waiting. */
  readonly #drift = new Set<string>();
  #hasOtherPolicy = false;

  constructor(env: string, index: RepoIndex, isDeclared: boolean) {
    this.#env = env;
    this.#isDeclared = isDeclared;
    const services = isDeclared ? [...index.services(env)] : [];
    this.#present = new Map(services.map((service) => [service, index.inputs(service, env)?.key ?? '']));
    this.#keys = new Map(this.#present);
    this.#frame = isDeclared ? frameOf(index, env) : absent;
  }

  /** The start is approved when it equals the newest approved commit before it; that one is still to come. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** `index` stands where the search begins. */
  askForApproval(start: JudgedCommit, index: RepoIndex): void {
    this.#isWaiting = !isApproved(start, this.#env, index.chainOf(this.#env));
    this.#hasOtherPolicy = start.stated === null || !isSamePolicy(start.stated, start.inForce);
  }

  /** True when a commit at which `index` stands may be approved without saying so. */
  isFree(inForce: Policy, index: RepoIndex): boolean {
    return !asksForApproval(inForce) || !isProtected(inForce, this.#env, index.chainOf(this.#env));
  }

  /** Compares with an earlier commit, at which `index` stands. False when it is the newest approved one and differs. */
  meet(commit: JudgedCommit, index: RepoIndex): boolean {
    if (!isApproved(commit, this.#env, index.chainOf(this.#env))) return true;
    this.#isWaiting = false;
    return !this.#hasOtherPolicy && this.#drift.size === 0 && frameOf(index, this.#env) === this.#frame;
  }

  /** @param touched Services that the commit at `place` may have changed, `null` = all. `index` stands before that commit. */
  undo(touched: ReadonlySet<string> | null, index: RepoIndex, place: CommitPlace): void {
    const env = this.#env;
    const services = touched ?? new Set([...this.#keys.keys(), ...index.services(env)]);
    for (const service of services) {
      const start = this.#present.get(service);
      const isKnown = start === undefined ? this.gone.has(service) : this.epochs.has(service);
      if (isKnown && !this.#isWaiting) continue;
      const before = index.inputs(service, env)?.key;
      if (this.#isWaiting) {
        if (before === start) this.#drift.delete(service);
        else this.#drift.add(service);
      }
      if (before === this.#keys.get(service)) continue;
      if (before === undefined) this.#keys.delete(service);
      else this.#keys.set(service, before);
      if (isKnown) continue;
      if (start === undefined) this.gone.set(service, place);
      else this.epochs.set(service, place);
    }
  }

  mayHaveBeenGuarded(index: RepoIndex): boolean {
    return this.#isDeclared && isMassRemoval(index.services(this.#env).size, this.#present.size);
  }
}
