import type { CommitId } from '../../ports.ts';

interface Ancestor {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
}

/**
 * Ancestors of `tip`, parents first, without those reachable from `known`. Stops at `known` commits; only when it got past them
 * to a root (an old branch was merged) is the whole history of `known` read, to tell new commits from old ones.
 */
export async function* walkAncestry(
  parentsOf: (id: CommitId) => Promise<readonly CommitId[]>,
  tip: CommitId,
  known: readonly CommitId[],
): AsyncGenerator<Ancestor> {
  const stop = new Set(known);
  const found = await collect(parentsOf, [tip], stop);
  // With several known commits an old one can lie between two of them, out of sight of any root.
  const mayHoldOld = known.length > 1 || [...found.values()].some((parents) => parents.length === 0);
  const old =
    known.length > 0 && mayHoldOld ? await collectOld(parentsOf, known, found) : new Set<CommitId>();
  yield* parentsFirst(found, tip, (id) => stop.has(id) || old.has(id));
}

async function collect(
  parentsOf: (id: CommitId) => Promise<readonly CommitId[]>,
  from: readonly CommitId[],
  stop: ReadonlySet<CommitId>,
): Promise<Map<CommitId, readonly CommitId[]>> {
  const found = new Map<CommitId, readonly CommitId[]>();
  const open = from.filter((id) => !stop.has(id));
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    const parents = await parentsOf(id);
    found.set(id, parents);
    for (const parent of parents) if (!stop.has(parent)) open.push(parent);
  }
  return found;
}

async function collectOld(
  parentsOf: (id: CommitId) => Promise<readonly CommitId[]>,
  known: readonly CommitId[],
  found: ReadonlyMap<CommitId, readonly CommitId[]>,
): Promise<Set<CommitId>> {
  const old = new Set<CommitId>();
  const open = [...known];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (old.has(id)) continue;
    old.add(id);
    // A known commit that is not in this repository has nothing reachable here.
    const parents =
      found.get(id) ?? (known.includes(id) ? await parentsOf(id).catch(() => []) : await parentsOf(id));
    open.push(...parents);
  }
  return old;
}

function* parentsFirst(
  found: ReadonlyMap<CommitId, readonly CommitId[]>,
  tip: CommitId,
  skip: (id: CommitId) => boolean,
): Generator<Ancestor> {
  const given = new Set<CommitId>();
  const open: { id: CommitId; ready: boolean }[] = [{ id: tip, ready: false }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const parents = found.get(next.id);
    if (parents === undefined || given.has(next.id) || skip(next.id)) continue;
    if (next.ready) {
      given.add(next.id);
      yield { id: next.id, parents };
    } else {
      open.push({ id: next.id, ready: true });
      for (const parent of parents) open.push({ id: parent, ready: false });
    }
  }
}
