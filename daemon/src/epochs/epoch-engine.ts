/**
 * From commits to epochs. The engine follows the first-parent line of one branch and knows, per environment, what is live, what
 * is held and why. It reads git and judges files, and it neither publishes nor remembers anything on disk: whatever it saw and
 * whenever it started, the same history gives the same result.
 */
import { isHeadwaterError, maxRecentEpochs } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import { isProtected, noPolicy, type Policy } from '../core/policy.ts';
import { type RepoIndex, reverseChanges } from '../core/repo-index.ts';
import type { CommitId, CommitStep, ObjectReader, TreeChange } from '../ports.ts';
import { runBounded } from '../run-bounded.ts';
import { isApproved, policyAfter } from './approval-rules.ts';
import { ApprovedBase, absent, frameOf } from './approved-base.ts';
import { type JudgedCommit, judgeCommit } from './commit-verdict.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EnvironmentPast } from './environment-past.ts';
import { EnvironmentTrack, type Structure } from './environment-track.ts';
import { Generations } from './generations.ts';
import { findPast } from './past.ts';
import type { CommitPlace } from './place.ts';
import { PolicyPast } from './policy-past.ts';
import { structureOf } from './structure.ts';
import { trailersOf } from './trailers.ts';
import { unapprovedFinding } from './unapproved.ts';

/** How the followed branch moved. `rewritten`: the new tip does not descend from what was followed; nothing changes. */
export type Movement = 'same' | 'moved' | 'rewritten';

/** What is worth knowing of a commit, and holds nothing. */
export interface CommitWarning {
  readonly place: CommitPlace;
  readonly finding: Finding;
}

/** Who looks at them sees the newest; the log had all of them. */
const maxWarnings = 16;

/** Judging is mostly waiting for the validator; this many at once keep it busy. */
const judgedAtOnce = 64;

export class EpochEngine {
  readonly #deps: EngineDeps;
  readonly #generations: Generations;
  #index!: RepoIndex;
  #at: CommitPlace | null = null;
  #tracks = new Map<string, EnvironmentTrack>();
  /** Where the services left of environments that are not declared now. */
  readonly #closed = new Map<string, ReadonlyMap<string, CommitPlace>>();
  #policy: Policy = noPolicy;
  /** Why the commit at which the engine stands may be published nowhere. */
  #refused: Finding | null = null;
  /** Protected environments whose inputs at that commit nobody approved. */
  readonly #unapproved = new Map<string, Finding>();
  readonly #warnings: CommitWarning[] = [];

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#generations = new Generations(deps.reader);
  }

  /** The commit everything here speaks of; `null` before `start`. */
  get at(): CommitPlace | null {
    return this.#at;
  }

  /** Those of `commits` that do not lie on the followed line: neither where the engine stands nor an ancestor by first parents. */
  beside(commits: Iterable<CommitId>): ReadonlySet<CommitId> {
    return this.#at ? this.#generations.beside(this.#at.commit, commits) : new Set(commits);
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
    return this.#closed.get(env) ?? new Map();
  }

  get index(): RepoIndex {
    return this.#index;
  }

  /** Environments that are declared, by name. */
  get environments(): ReadonlyMap<string, EnvironmentTrack> {
    return this.#tracks;
  }

  /** Policy in force for the commit after `at`. */
  get policy(): Policy {
    return this.#policy;
  }

  /** True when a change of the environment needs an approval. */
  protects(env: string): boolean {
    return isProtected(this.#policy, env, this.#index.chainOf(env));
  }

  /** Warnings about the newest commits that were followed, oldest first. */
  get warnings(): readonly CommitWarning[] {
    return this.#warnings;
  }

  /** What the policy says of the commit at which the engine stands: errors hold it, warnings do not. */
  get policyFindings(): readonly Finding[] {
    const newest = this.#warnings.at(-1);
    const warning = newest && newest.place.commit === this.#at?.commit ? [newest.finding] : [];
    return [...(this.#refused ? [this.#refused] : []), ...this.#unapproved.values(), ...warning];
  }

  /** Why no approval may be given for a change on top of `at`: something waits there that would ride along. `null` when one may. */
  get approvalObstacle(): Finding | null {
    return this.#refused ?? [...this.#unapproved.values()][0] ?? null;
  }

  /** Computes the state at `tip` from the history alone. */
  async start(tip: CommitId): Promise<void> {
    await this.#generations.learn(tip, []);
    const policies = await PolicyPast.read(tip, this.#deps, this.#generations);
    try {
      for (
        let seen = this.#deps.recent ?? maxRecentEpochs;
        !(await this.#startAt(tip, policies, seen));
        seen *= 4
      );
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      // Something in the past cannot be read. What is live may not need it; then only the list of newest commits is cut short.
      await this.#startAt(tip, policies, 0);
    }
  }

  /** @returns true when the newest commits of every environment are known. */
  async #startAt(tip: CommitId, policies: PolicyPast, seen: number): Promise<boolean> {
    const after = await this.#findWhole(tip, policies, seen);
    for (const step of after ?? (await this.#wholeLine(tip))) await this.#advance(step);
    return [...this.#tracks.values()].every((track) => track.knowsRecent);
  }

  /** Follows the branch to a new tip, commit by commit, so that a burst gives what single steps give. */
  async moveTo(tip: CommitId): Promise<Movement> {
    const at = this.#at;
    if (!at) throw new Error('moveTo before start');
    if (tip === at.commit) return 'same';
    const chain = await this.#chainTo(tip, at.commit);
    if (!chain) return 'rewritten';
    await this.#generations.learnChain(
      chain.map((step) => step.commit),
      at.commit,
    );
    for (const step of chain) await this.#advance(step);
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

  async #advance(step: CommitStep): Promise<void> {
    const { commit, changes } = step;
    const place = this.#generations.place(commit.id);
    await this.#observe(place, changes, requestIdOf(commit.message));
    const where = { place, inForce: this.#policy, stated: this.#index.policy };
    const judged = await judgeCommit(commit, where, this.#deps);
    const structure = structureOf(this.#index, commit.message, this.#deps.rules);
    this.#refused = judged.verdict.refused;
    this.#unapproved.clear();
    for (const track of this.#tracks.values()) this.#settle(track, judged, structure);
    this.#enforce(policyAfter(judged));
    if (judged.verdict.warning) this.#warnings.push({ place, finding: judged.verdict.warning });
    this.#warnings.splice(0, this.#warnings.length - maxWarnings);
    this.#at = place;
  }

  #settle(track: EnvironmentTrack, commit: JudgedCommit, structure: Structure): void {
    const { env } = track;
    const { refused } = commit.verdict;
    const unapproved = unapprovedFinding(commit, env, this.#index, track.base);
    if (unapproved) this.#unapproved.set(env, unapproved);
    const blocking = [refused, unapproved].filter((finding) => finding !== null);
    const isDeclared = this.#index.settings === null || this.#index.chainOf(env).length > 0;
    if (isDeclared || blocking.length + structure.blocking.length > 0)
      track.settle(commit.place, structure, { blocking, isDeclared });
    else this.#close(track, commit.place);
    if (isApproved(commit, env, this.#index.chainOf(env))) track.base?.accept(frameOf(this.#index, env));
  }

  /** From now on every commit is compared with the newest approved one: with this one, as long as there was no reason to compare. */
  #enforce(policy: Policy): void {
    this.#policy = policy;
    const isAsked = policy.protected.length > 0;
    for (const track of this.#tracks.values())
      track.base = isAsked ? (track.base ?? new ApprovedBase(frameOf(this.#index, track.env))) : null;
  }

  /** Applies changes to the index and judges what they touch. Works in both directions of time. */
  async #observe(place: CommitPlace, changes: readonly TreeChange[], requestId?: string): Promise<void> {
    const touched = await this.#index.apply(changes, place.commit);
    if (touched.all) this.#declare();
    const jobs: (() => Promise<void>)[] = [];
    for (const track of this.#tracks.values()) {
      const services = touched.all
        ? new Set([...this.#index.services(track.env), ...track.tip.keys()])
        : touched.services;
      for (const service of services) jobs.push(() => this.#observeService(place, track, service, requestId));
    }
    await runBounded(jobs, judgedAtOnce);
  }

  async #observeService(
    place: CommitPlace,
    track: EnvironmentTrack,
    service: string,
    requestId: string | undefined,
  ): Promise<void> {
    const inputs = this.#index.inputs(service, track.env);
    track.observe(place, service, inputs, inputs && (await this.#judge(track, inputs)), requestId);
  }

  /** A change of headwater.json touches everything and changes little: what is known to be good is not judged again. */
  async #judge(track: EnvironmentTrack, inputs: ServiceInputs): Promise<ServiceJudgement> {
    const known = track.tip.get(inputs.service);
    return known?.inputs.key === inputs.key && known.judgement.resolved
      ? known.judgement
      : this.#deps.judge(inputs);
  }

  /** Adds tracks for new environments. */
  #declare(): void {
    for (const env of this.#index.environments()) {
      if (this.#tracks.has(env)) continue;
      const track = new EnvironmentTrack(env, this.#closed.get(env), this.#deps.recent);
      if (this.#policy.protected.length > 0) track.base = new ApprovedBase(absent);
      this.#tracks.set(env, track);
      this.#closed.delete(env);
    }
  }

  #close(track: EnvironmentTrack, place: CommitPlace): void {
    this.#closed.set(track.env, track.close(place));
    this.#tracks.delete(track.env);
  }

  /**
   * Walks back from `tip` to a commit valid as a whole, and starts there.
   * @param seen How many such commits must lie after it: enough to know the newest commits of every environment.
   * @returns The commits after it, oldest first; `null` when there is none, and the whole line must be gone through.
   */
  async #findWhole(tip: CommitId, policies: PolicyPast, seen: number): Promise<CommitStep[] | null> {
    await this.#reset();
    const after: CommitStep[] = [];
    let left = seen;
    let newest = Number.POSITIVE_INFINITY;
    let place = this.#generations.place(tip);
    await this.#observe(place, additionsOf(await this.#deps.reader.listFiles(tip)));
    for (;;) {
      const step = await this.#deps.reader.readStep(place.commit);
      const structure = structureOf(this.#index, step.commit.message, this.#deps.rules);
      if (this.#isWhole(structure)) {
        const judged = await policies.judge(step.commit, this.#index.policy);
        if (!judged.verdict.refused && left-- <= 0 && place.seq <= newest) {
          const past = await findPast(judged, this.#deps, this.#generations, policies);
          if (past.kind === 'guarded') return null;
          if (past.kind === 'found') {
            this.#adopt(judged, structure, past.environments, policies);
            return after.reverse();
          }
          newest = past.approvedSeq;
        }
      }
      const parent = step.commit.parents[0];
      if (parent === undefined) return null;
      after.push(step);
      place = this.#generations.place(parent);
      await this.#observe(place, reverseChanges(step.changes));
      for (const track of this.#tracks.values())
        if (this.#index.settings && this.#index.chainOf(track.env).length === 0) this.#close(track, place);
    }
  }

  /** True when nothing that the commit's tree says is an error. */
  #isWhole(structure: Structure): boolean {
    return (
      this.#index.settings !== null && [...this.#tracks.values()].every((track) => track.isWhole(structure))
    );
  }

  #adopt(
    { place }: JudgedCommit,
    structure: Structure,
    past: ReadonlyMap<string, EnvironmentPast>,
    policies: PolicyPast,
  ): void {
    this.#closed.clear(); // so far it was filled going backwards
    for (const [env, { gone }] of past) if (!this.#tracks.has(env)) this.#closed.set(env, gone);
    for (const track of this.#tracks.values()) track.adopt(place, structure, past.get(track.env) ?? noPast);
    this.#enforce(policies.from(place));
    this.#at = place;
  }

  /** The first-parent line from the root on, and an engine that stands before it. */
  async #wholeLine(tip: CommitId): Promise<CommitStep[]> {
    await this.#reset();
    const steps: CommitStep[] = [];
    for await (const step of this.#deps.reader.firstParentLog(tip)) steps.push(step);
    return steps.reverse();
  }

  async #reset(): Promise<void> {
    this.#index = await this.#deps.createIndex();
    this.#tracks = new Map();
    this.#closed.clear();
    this.#policy = noPolicy;
    this.#refused = null;
    this.#unapproved.clear();
    this.#at = null;
  }
}

const noPast: EnvironmentPast = { epochs: new Map(), gone: new Map() };

const requestIdOf = (message: string): string | undefined =>
  trailersOf(message, 'Headwater-Request-Id').find((value) => /^[\w.-]{1,64}$/.test(value));

const additionsOf = (files: Awaited<ReturnType<ObjectReader['listFiles']>>): TreeChange[] =>
  files.map(({ path, mode, oid }) => ({ path, from: null, to: { mode, oid } }));
