/**
 * What is live is a pure function of the history: whoever saw every commit, met a burst, was restarted or starts today says the same, and
 * says what the rules say.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CommitId } from '../ports.ts';
import type { EpochEngine } from './epoch-engine.ts';
import { buildHistory, everyEnv, type HistoryStep, historyArbitrary } from './testing/history-arbitrary.ts';
import { runOracle } from './testing/oracle.ts';
import { createPolicyWorld, type PolicyWorld } from './testing/policy-world.ts';
import { engineSummary, oracleSummary } from './testing/summary.ts';

/** More for a long look: HW_RUNS=20000. */
const numRuns = Number(process.env.HW_RUNS ?? 80);

const summary = (engine: EpochEngine) => engineSummary(engine, everyEnv);

async function started(world: PolicyWorld, at: CommitId, recent: number): Promise<EpochEngine> {
  const engine = world.engine({ recent });
  await engine.start(at);
  return engine;
}

async function check(
  steps: readonly HistoryStep[],
  cuts: readonly number[],
  recent: number,
  published: number,
): Promise<void> {
  const world = createPolicyWorld();
  world.published.set('prod', published);
  const line = buildHistory(world, steps);
  const tip = line.at(-1) as CommitId;
  const seen = await started(world, line[0] as CommitId, recent);
  const places = [seen.at];
  const after = [summary(seen)];
  for (const commit of line.slice(1)) {
    await seen.moveTo(commit);
    places.push(seen.at);
    after.push(summary(seen));
  }
  const oracle = await runOracle(
    places.map((place) => place as NonNullable<typeof place>),
    world.deps,
    recent,
  );
  for (const [i, result] of oracle.entries())
    expect(after[i], `rules at commit ${i}`).toEqual(oracleSummary(result, everyEnv));
  for (const cut of cuts) {
    const at = cut % line.length;
    const fresh = await started(world, line[at] as CommitId, recent);
    expect(summary(fresh), `started at commit ${at}`).toEqual(after[at]);
    for (const commit of line.slice(at + 1)) await fresh.moveTo(commit);
    expect(summary(fresh), `restarted at commit ${at}`).toEqual(after.at(-1));
    const burst = await started(world, line[at] as CommitId, recent);
    await burst.moveTo(tip);
    expect(summary(burst), `burst from commit ${at}`).toEqual(after.at(-1));
  }
  expect(summary(await started(world, tip, recent)), 'started at the tip').toEqual(after.at(-1));
}

test('every daemon says what the rules say, whatever it saw', async () => {
  await fc.assert(
    fc.asyncProperty(
      historyArbitrary(24),
      fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
      fc.constantFrom(1, 2, 3, 16),
      fc.nat(20),
      check,
    ),
    { numRuns },
  );
}, 0);
