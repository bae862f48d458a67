/** Where a daemon begins that has seen nothing: as far back as it takes to know what one knows that has seen everything. */
import { reverseChanges } from '../core/repo-index.ts';
import type { CommitId, CommitStep, ObjectReader, TreeChange } from '../ports.ts';
import type { EngineDeps } from './engine-deps.ts';
import type { Generations } from './generations.ts';
import { LineState } from './line-state.ts';
import { findPast } from './past.ts';
import type { PolicyPast } from './policy-past.ts';
import { structureOf } from './structure.ts';

export interface ColdStart {
  readonly deps: EngineDeps;
  readonly generations: Generations;
  readonly policies: PolicyPast;
}

/**
 * The state at `tip`, from the history alone.
 * @param seen How many commits valid as a whole must lie between the beginning and `tip`: enough to know the newest commits of every environment.
 */
export async function startCold(tip: CommitId, seen: number, start: ColdStart): Promise<LineState> {
  const found = await findWhole(tip, seen, start);
  const { state, after } = found ?? (await fromTheRoot(tip, start));
  for (const step of after) await state.advance(step, start.generations.place(step.commit.id));
  return state;
}

/** A state, and the commits that lead from it to the tip, oldest first. */
interface Beginning {
  readonly state: LineState;
  readonly after: readonly CommitStep[];
}

/** Walks back from `tip` to a commit valid as a whole. `null` when there is none that may be trusted to be. */
async function findWhole(tip: CommitId, seen: number, start: ColdStart): Promise<Beginning | null> {
  const { deps, generations, policies } = start;
  const state = await LineState.create(deps);
  const after: CommitStep[] = [];
  let left = seen;
  let newest = Number.POSITIVE_INFINITY;
  let place = generations.place(tip);
  await state.observe(place, additionsOf(await deps.reader.listFiles(tip)));
  for (;;) {
    const step = await deps.reader.readStep(place.commit);
    const structure = structureOf(state.index, step.commit.message, deps.rules);
    if (place.seq <= newest && state.isWhole(structure)) {
      const judged = await policies.judge(step.commit, state.index.policy);
      if (!judged.verdict.refused && left-- <= 0) {
        const past = await findPast(judged, deps, generations, policies);
        if (past.kind === 'guarded') return null;
        if (past.kind === 'found') {
          state.adopt(place, structure, past.environments, policies.from(place));
          return { state, after: after.reverse() };
        }
        // All that came after it waits: none of it counts among what was seen.
        newest = past.approvedSeq;
        left = seen;
      }
    }
    const parent = step.commit.parents[0];
    if (parent === undefined) return null;
    after.push(step);
    place = generations.place(parent);
    await state.observe(place, reverseChanges(step.changes));
    state.dropUndeclared(place);
  }
}

async function fromTheRoot(tip: CommitId, { deps }: ColdStart): Promise<Beginning> {
  const after: CommitStep[] = [];
  for await (const step of deps.reader.firstParentLog(tip)) after.push(step);
  return { state: await LineState.create(deps), after: after.reverse() };
}

const additionsOf = (files: Awaited<ReturnType<ObjectReader['listFiles']>>): TreeChange[] =>
  files.map(({ path, mode, oid }) => ({ path, from: null, to: { mode, oid } }));
