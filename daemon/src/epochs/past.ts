/**
 * What the history behind a tree says of it, in one pass back over the first-parent line: each commit is undone in a second index,
 * and whoever's inputs change there was changed by that commit.
 */
import { maxRecentEpochs, type RecentEpoch } from '@headwater/schemas/protocol';
import { type RepoIndex, reverseChanges } from '../core/repo-index.ts';
import type { TreeChange } from '../ports.ts';
import type { EngineDeps } from './engine-deps.ts';
import { type EnvironmentPast, recentEntry } from './environment-past.ts';
import type { Generations } from './generations.ts';
import type { CommitPlace } from './place.ts';
import { isMassRemoval } from './removal-guard.ts';

/**
 * @returns By name, every environment that was ever declared. `null` when some earlier commit had so many more services that the
 *   removal guard may have had a say: then only a replay tells.
 */
export async function findPast(
  place: CommitPlace,
  deps: EngineDeps,
  generations: Generations,
): Promise<ReadonlyMap<string, EnvironmentPast> | null> {
  const index = await deps.createIndex();
  const files = await deps.reader.listFiles(place.commit);
  await index.apply(
    files.map(({ path, mode, oid }): TreeChange => ({ path, from: null, to: { mode, oid } })),
  );
  const searches = new Map(index.environments().map((env) => [env, new PastSearch(env, index, true)]));
  for await (const { commit, changes } of deps.reader.firstParentLog(place.commit)) {
    const touched = await index.apply(reverseChanges(changes));
    if (touched.all) {
      for (const env of index.environments())
        if (!searches.has(env)) searches.set(env, new PastSearch(env, index, false));
    }
    for (const search of searches.values()) {
      search.undo(touched.all ? null : touched.services, index, generations.place(commit.id));
      if (search.mayHaveBeenGuarded(index)) return null;
    }
  }
  return searches;
}

/** Looks at the past of one environment. */
class PastSearch implements EnvironmentPast {
  readonly epochs = new Map<string, CommitPlace>();
  readonly gone = new Map<string, CommitPlace>();
  recent: readonly RecentEpoch[] = [];
  readonly #env: string;
  readonly #isDeclared: boolean;
  /** Services that are there where the search began. */
  readonly #present: ReadonlySet<string>;
  /** Keys of inputs as the commit that is undone next left them. */
  readonly #keys = new Map<string, string>();

  constructor(env: string, index: RepoIndex, isDeclared: boolean) {
    this.#env = env;
    this.#isDeclared = isDeclared;
    this.#present = new Set(isDeclared ? index.services(env) : []);
    for (const service of this.#present) this.#keys.set(service, index.inputs(service, env)?.key ?? '');
  }

  /** @param touched Services that the commit at `place` may have changed, `null` = all. `index` stands before that commit. */
  undo(touched: ReadonlySet<string> | null, index: RepoIndex, place: CommitPlace): void {
    const env = this.#env;
    const services = touched ?? new Set([...this.#keys.keys(), ...index.services(env)]);
    const moved = new Map<string, number>();
    for (const service of services) {
      // What is known already matters only as long as commits are listed.
      const isKnown = this.#present.has(service) ? this.epochs.has(service) : this.gone.has(service);
      if (isKnown && this.recent.length >= maxRecentEpochs) continue;
      const before = index.inputs(service, env)?.key;
      if (before === this.#keys.get(service)) continue;
      moved.set(service, place.seq);
      if (before === undefined) this.#keys.delete(service);
      else this.#keys.set(service, before);
      if (isKnown) continue;
      if (this.#present.has(service)) this.epochs.set(service, place);
      else this.gone.set(service, place);
    }
    if (this.#isDeclared && this.recent.length < maxRecentEpochs)
      this.recent = [...this.recent, recentEntry(place, moved)];
  }

  mayHaveBeenGuarded(index: RepoIndex): boolean {
    return this.#isDeclared && isMassRemoval(index.services(this.#env).size, this.#present.size);
  }
}
