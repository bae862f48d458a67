/**
 * Service epochs of a whole tree, from the history behind it: one pass back over the first-parent line, undoing each commit in a
 * second index and watching whose inputs change.
 */
import type { RepoIndex } from '../core/repo-index.ts';
import type { TreeChange } from '../ports.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { Generations } from './generations.ts';
import type { CommitPlace } from './place.ts';
import { isMassRemoval } from './removal-guard.ts';

/**
 * @returns Per environment, the newest commit at or before `place` that changed one of the service's inputs. `null` when some
 *   earlier commit had so many more services that the removal guard may have had a say: then only a replay tells.
 */
export async function findServiceEpochs(
  place: CommitPlace,
  deps: EngineDeps,
  generations: Generations,
): Promise<ReadonlyMap<string, ReadonlyMap<string, CommitPlace>> | null> {
  const index = await deps.createIndex();
  const files = await deps.reader.listFiles(place.commit);
  await index.apply(
    files.map(({ path, mode, oid }): TreeChange => ({ path, from: null, to: { mode, oid } })),
  );
  const searches = index.environments().map((env) => new EpochSearch(env, index));
  for await (const { commit, changes } of deps.reader.firstParentLog(place.commit)) {
    const touched = await index.apply(changes.map(({ path, from, to }) => ({ path, from: to, to: from })));
    for (const search of searches) {
      const services = touched.all
        ? search.open
        : [...touched.services].filter((service) => search.open.has(service));
      for (const service of services) search.compare(service, index, generations.place(commit.id));
      if (search.mayHaveBeenGuarded(index)) return null;
    }
  }
  return new Map(searches.map((search) => [search.env, search.found]));
}

/** Looks for the service epochs of one environment. */
class EpochSearch {
  readonly env: string;
  readonly found = new Map<string, CommitPlace>();
  /** Services still without an epoch. */
  readonly open: Set<string>;
  readonly #keys = new Map<string, string>();
  readonly #count: number;

  constructor(env: string, index: RepoIndex) {
    this.env = env;
    this.open = new Set(index.services(env));
    this.#count = this.open.size;
    for (const service of this.open) this.#keys.set(service, index.inputs(service, env)?.key ?? '');
  }

  /** `index` stands before the commit at `place`: if the inputs were others there, that commit changed them. */
  compare(service: string, index: RepoIndex, place: CommitPlace): void {
    if (index.inputs(service, this.env)?.key === this.#keys.get(service)) return;
    this.found.set(service, place);
    this.open.delete(service);
  }

  mayHaveBeenGuarded(index: RepoIndex): boolean {
    return isMassRemoval(index.services(this.env).size, this.#count);
  }
}
