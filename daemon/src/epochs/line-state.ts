/**
 * The state of a line of commits at one of them: the index of its tree, and per environment what is live, what is held and why. It takes in
 * commits one after the other; where it begins is decided elsewhere.
 */
import type { Finding } from '../core/finding.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import { noPolicy, type Policy } from '../core/policy.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitStep, TreeChange } from '../ports.ts';
import { runBounded } from '../run-bounded.ts';
import { isApproved, policyAfter } from './approval-rules.ts';
import { ApprovedBase, absent, frameOf } from './approved-base.ts';
import { type JudgedCommit, judgeCommit } from './commit-verdict.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EnvironmentPast } from './environment-past.ts';
import { EnvironmentTrack, type Structure } from './environment-track.ts';
import type { CommitPlace } from './place.ts';
import { structureOf } from './structure.ts';
import { trailersOf } from './trailers.ts';
import { unapprovedFinding } from './unapproved.ts';

/** What is worth knowing of a commit, and holds nothing. */
export interface CommitWarning {
  readonly place: CommitPlace;
  readonly finding: Finding;
}

/** Who looks at them sees the newest; the log had all of them. */
const maxWarnings = 16;

/** Judging is mostly waiting for the validator; this many at once keep it busy. */
const judgedAtOnce = 64;

export class LineState {
  readonly #deps: EngineDeps;
  #at: CommitPlace | null = null;
  readonly index: RepoIndex;
  readonly tracks = new Map<string, EnvironmentTrack>();
  /** Where the services left of environments that are not declared now. */
  readonly closed = new Map<string, ReadonlyMap<string, CommitPlace>>();
  #policy: Policy = noPolicy;
  #refused: Finding | null = null;
  /** Protected environments whose inputs at `at` nobody approved. */
  readonly unapproved = new Map<string, Finding>();
  readonly warnings: CommitWarning[] = [];

  private constructor(deps: EngineDeps, index: RepoIndex) {
    this.#deps = deps;
    this.index = index;
  }

  /** Before the first commit. */
  static async create(deps: EngineDeps): Promise<LineState> {
    return new LineState(deps, await deps.createIndex());
  }

  /** The commit everything here speaks of; `null` before the first. */
  get at(): CommitPlace | null {
    return this.#at;
  }

  /** Policy in force for the commit after `at`. */
  get policy(): Policy {
    return this.#policy;
  }

  /** True when the newest commits of every environment are known. */
  get knowsRecent(): boolean {
    return [...this.tracks.values()].every((track) => track.knowsRecent);
  }

  /** Why the commit at `at` may be published nowhere. */
  get refused(): Finding | null {
    return this.#refused;
  }

  /** Takes in the next commit, which lies at `place`. */
  async advance({ commit, changes }: CommitStep, place: CommitPlace): Promise<void> {
    await this.observe(place, changes, requestIdOf(commit.message));
    const where = { place, inForce: this.#policy, stated: this.index.policy };
    const judged = await judgeCommit(commit, where, this.#deps);
    const structure = structureOf(this.index, commit.message, this.#deps.rules);
    this.#refused = judged.verdict.refused;
    this.unapproved.clear();
    for (const track of this.tracks.values()) this.#settle(track, judged, structure);
    this.#enforce(policyAfter(judged));
    if (judged.verdict.warning) this.warnings.push({ place, finding: judged.verdict.warning });
    this.warnings.splice(0, this.warnings.length - maxWarnings);
    this.#at = place;
  }

  #settle(track: EnvironmentTrack, commit: JudgedCommit, structure: Structure): void {
    const { env } = track;
    const { refused } = commit.verdict;
    const unapproved = unapprovedFinding(commit, env, this.index, track.base);
    if (unapproved) this.unapproved.set(env, unapproved);
    const blocking = [refused, unapproved].filter((finding) => finding !== null);
    const isDeclared = this.index.settings === null || this.index.chainOf(env).length > 0;
    if (isDeclared || blocking.length + structure.blocking.length > 0)
      track.settle(commit.place, structure, { blocking, isDeclared });
    else this.#close(track, commit.place);
    if (isApproved(commit, env, this.index.chainOf(env))) track.base?.accept(frameOf(this.index, env));
  }

  /** From now on every commit is compared with the newest approved one: with this one, as long as there was no reason to compare. */
  #enforce(policy: Policy): void {
    this.#policy = policy;
    const isAsked = policy.protected.length > 0;
    for (const track of this.tracks.values())
      track.base = isAsked ? (track.base ?? new ApprovedBase(frameOf(this.index, track.env))) : null;
  }

  /** True when nothing that the commit's tree says is an error. */
  isWhole(structure: Structure): boolean {
    return (
      this.index.settings !== null && [...this.tracks.values()].every((track) => track.isWhole(structure))
    );
  }

  /** Starts at a commit that is known to be valid as a whole, and at which `index` stands. @param policy In force from it. */
  adopt(
    place: CommitPlace,
    structure: Structure,
    past: ReadonlyMap<string, EnvironmentPast>,
    policy: Policy,
  ): void {
    this.closed.clear(); // so far it was filled going backwards
    for (const [env, { gone }] of past) if (!this.tracks.has(env)) this.closed.set(env, gone);
    for (const track of this.tracks.values()) track.adopt(place, structure, past.get(track.env) ?? noPast);
    this.#enforce(policy);
    this.#at = place;
  }

  /** Drops what the tree at which `index` stands does not declare: going backwards nobody asks whether it may. */
  dropUndeclared(place: CommitPlace): void {
    if (!this.index.settings) return;
    for (const track of this.tracks.values())
      if (this.index.chainOf(track.env).length === 0) this.#close(track, place);
  }

  /** Applies changes to the index and judges what they touch. Works in both directions of time. */
  async observe(place: CommitPlace, changes: readonly TreeChange[], requestId?: string): Promise<void> {
    const touched = await this.index.apply(changes, place.commit);
    if (touched.all) this.#declare();
    const jobs: (() => Promise<void>)[] = [];
    const tracks = [...this.tracks.values()].map((track) => ({
      track,
      services: touched.all
        ? new Set([...this.index.services(track.env), ...track.tip.keys()])
        : touched.services,
    }));
    // Service by service: what its environments have in common is read and judged once.
    for (const service of new Set(tracks.flatMap(({ services }) => [...services]))) {
      for (const { track, services } of tracks)
        if (services.has(service)) jobs.push(() => this.#observeService(place, track, service, requestId));
    }
    await runBounded(jobs, judgedAtOnce);
  }

  async #observeService(
    place: CommitPlace,
    track: EnvironmentTrack,
    service: string,
    requestId: string | undefined,
  ): Promise<void> {
    const inputs = this.index.inputs(service, track.env);
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
    for (const env of this.index.environments()) {
      if (this.tracks.has(env)) continue;
      const track = new EnvironmentTrack(env, this.closed.get(env), this.#deps.recent);
      if (this.#policy.protected.length > 0) track.base = new ApprovedBase(absent);
      this.tracks.set(env, track);
      this.closed.delete(env);
    }
  }

  #close(track: EnvironmentTrack, place: CommitPlace): void {
    this.closed.set(track.env, track.close(place));
    this.tracks.delete(track.env);
  }
}

const noPast: EnvironmentPast = { epochs: new Map(), gone: new Map() };

const requestIdOf = (message: string): string | undefined =>
  trailersOf(message, 'Headwater-Request-Id').find((value) => /^[\w.-]{1,64}$/.test(value));
