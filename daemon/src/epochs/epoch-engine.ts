/**
 * From commits to epochs. The engine follows the first-parent line of one branch and knows, per environment, what is live, what
 * is held and why. It reads git and judges files, and it neither publishes nor remembers anything on disk: whatever it saw and
 * whenever it started, the same history gives the same result.
 */

import { type RepoIndex, reverseChanges } from '../core/repo-index.ts';
import type { CommitId, CommitStep, ObjectReader, TreeChange } from '../ports.ts';
import { runBounded } from '../run-bounded.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { EnvironmentPast } from './environment-past.ts';
import { EnvironmentTrack, type Structure } from './environment-track.ts';
import { Generations } from './generations.ts';
import { findPast } from './past.ts';
import type { CommitPlace } from './place.ts';
import { structureOf } from './structure.ts';
import { trailersOf } from './trailers.ts';

/** How the followed branch moved. `rewritten`: the new tip does not descend from what was followed; nothing changes. */
export type Movement = 'same' | 'moved' | 'rewritten';

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

  /** Computes the state at `tip` from the history alone. */
  async start(tip: CommitId): Promise<void> {
    await this.#generations.learn(tip, []);
    const origin = await this.#findWhole(tip);
    if (!origin) await this.#replay(tip, null);
    else if (origin.commit !== tip) await this.#replay(tip, origin.commit);
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
    const place = this.#generations.place(step.commit.id);
    await this.#observe(place, step.changes, requestIdOf(step.commit.message));
    const structure = structureOf(this.#index, step.commit.message, this.#deps.rules);
    for (const track of this.#tracks.values()) track.settle(place, structure);
    this.#at = place;
  }

  /** Applies changes to the index and judges what they touch. Works in both directions of time. */
  async #observe(place: CommitPlace, changes: readonly TreeChange[], requestId?: string): Promise<void> {
    const touched = await this.#index.apply(changes, place.commit);
    if (touched.all) this.#declare(place);
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
    track.observe(place, service, inputs, inputs && (await this.#deps.judge(inputs)), requestId);
  }

  /** Adds tracks for new environments and drops those that a readable headwater.json no longer names. */
  #declare(place: CommitPlace): void {
    if (!this.#index.settings) return;
    const declared = new Set(this.#index.environments());
    for (const [env, track] of this.#tracks) {
      if (declared.has(env)) continue;
      this.#closed.set(env, track.close(place));
      this.#tracks.delete(env);
    }
    for (const env of declared) {
      if (this.#tracks.has(env)) continue;
      this.#tracks.set(env, new EnvironmentTrack(env, this.#closed.get(env)));
      this.#closed.delete(env);
    }
  }

  /** Walks back from `tip` to the newest commit valid as a whole and starts there; `null` when history must be replayed. */
  async #findWhole(tip: CommitId): Promise<CommitPlace | null> {
    await this.#reset();
    let place = this.#generations.place(tip);
    await this.#observe(place, additionsOf(await this.#deps.reader.listFiles(tip)));
    for (;;) {
      const step = await this.#deps.reader.readStep(place.commit);
      const structure = structureOf(this.#index, step.commit.message, this.#deps.rules);
      const tracks = [...this.#tracks.values()];
      if (this.#index.settings && tracks.every((track) => track.isWhole(structure))) {
        const past = await findPast(place, this.#deps, this.#generations);
        if (!past) return null;
        this.#adopt(place, structure, past);
        return place;
      }
      const parent = step.commit.parents[0];
      if (parent === undefined) return null;
      place = this.#generations.place(parent);
      await this.#observe(place, reverseChanges(step.changes));
    }
  }

  #adopt(place: CommitPlace, structure: Structure, past: ReadonlyMap<string, EnvironmentPast>): void {
    this.#closed.clear(); // so far it was filled going backwards
    for (const [env, { gone }] of past) if (!this.#tracks.has(env)) this.#closed.set(env, gone);
    for (const track of this.#tracks.values()) track.adopt(place, structure, past.get(track.env) ?? noPast);
    this.#at = place;
  }

  /** Goes through the first-parent line oldest first: from the root, or from where the engine stands. */
  async #replay(tip: CommitId, from: CommitId | null): Promise<void> {
    if (from !== null) {
      for (const step of (await this.#chainBetween(tip, from)).reverse()) await this.#advance(step);
      return;
    }
    await this.#reset();
    const steps: CommitStep[] = [];
    for await (const step of this.#deps.reader.firstParentLog(tip)) steps.push(step);
    for (const step of steps.reverse()) await this.#advance(step);
  }

  async #chainBetween(tip: CommitId, from: CommitId): Promise<CommitStep[]> {
    const steps: CommitStep[] = [];
    for await (const step of this.#deps.reader.firstParentLog(tip)) {
      if (step.commit.id === from) break;
      steps.push(step);
    }
    return steps;
  }

  async #reset(): Promise<void> {
    this.#index = await this.#deps.createIndex();
    this.#tracks = new Map();
    this.#closed.clear();
    this.#at = null;
  }
}

const noPast: EnvironmentPast = { epochs: new Map(), gone: new Map(), recent: [] };

const requestIdOf = (message: string): string | undefined =>
  trailersOf(message, 'Headwater-Request-Id').find((value) => /^[\w.-]{1,64}$/.test(value));

const additionsOf = (files: Awaited<ReturnType<ObjectReader['listFiles']>>): TreeChange[] =>
  files.map(({ path, mode, oid }) => ({ path, from: null, to: { mode, oid } }));
