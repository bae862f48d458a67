/**
 * What changes would do, before anybody makes them: the gate at push asks, and so does every edit through the daemon. A candidate is
 * refused only for what it brings: an error that its base already has is nobody's fault today, so a broken neighbour never blocks a fix.
 */
import { createBreather } from '../breather.ts';
import type { Finding } from '../core/finding.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import type { RepoIndex, Touched } from '../core/repo-index.ts';
import { removalFinding } from '../epochs/removal-guard.ts';
import { type RepositoryRules, structureOf } from '../epochs/structure.ts';
import type { CommitId, ObjectReader, TreeChange } from '../ports.ts';
import { runBounded } from '../run-bounded.ts';
import type { CandidateBlobs, CandidateSource } from './candidate-blobs.ts';

/** Changes on top of a commit. */
export interface Candidate {
  /** Commit they are made on; `null` = the empty tree. */
  readonly base: CommitId | null;
  readonly changes: readonly TreeChange[];
  /** Message of the commit that would hold them: its trailers count. Default: none. */
  readonly message?: string;
  /** Looks at one service alone. Default: at all that change. */
  readonly only?: string;
  /** New blobs that the repository does not have yet. */
  readonly blobs?: CandidateSource;
}

export interface CandidateVerdict {
  /** Errors that the base does not have: reasons to refuse. */
  readonly problems: readonly Finding[];
  /** Warnings that the base does not have. */
  readonly warnings: readonly Finding[];
  /** Services whose inputs change, by environment; environments without one are absent. */
  readonly affected: ReadonlyMap<string, readonly AffectedService[]>;
}

/** One service in one environment, before and after; `null` = it is not there. */
export interface AffectedService {
  readonly service: string;
  readonly before: JudgedInputs | null;
  readonly after: JudgedInputs | null;
}

export interface JudgedInputs {
  readonly inputs: ServiceInputs;
  readonly judgement: ServiceJudgement;
}

export interface CandidateJudge {
  /** Rejects with what makes an object unreadable. */
  judge(candidate: Candidate): Promise<CandidateVerdict>;
}

export interface CandidateJudgeDeps {
  /** Index of the newest commit that was read; `null` before the first. It is copied, never changed. */
  readonly index: () => RepoIndex | null;
  /** Index of the empty tree. */
  readonly createIndex: () => Promise<RepoIndex>;
  readonly reader: Pick<ObjectReader, 'diff'>;
  readonly blobs: CandidateBlobs;
  readonly judge: (inputs: ServiceInputs) => Promise<ServiceJudgement>;
  readonly rules: RepositoryRules;
}

/** Judging is mostly waiting for the validator; this many at once keep it busy. */
const judgedAtOnce = 64;

export function createCandidateJudge(deps: CandidateJudgeDeps): CandidateJudge {
  /** Most candidates come on top of the commit that the last one came on top of. Never changed: candidates work on copies. */
  let kept: RepoIndex | null = null;

  async function indexAt(base: CommitId | null): Promise<RepoIndex> {
    if (base !== null && kept?.at === base) return kept;
    const newest = deps.index();
    // The engine stands where people build on; who looks into the past goes there step by step.
    const near = newest?.at === base ? newest : (kept ?? newest);
    const index = base !== null && near?.at ? near.fork(deps.blobs.read) : await deps.createIndex();
    if (base !== null && index.at !== base) await index.apply(await deps.reader.diff(index.at, base), base);
    kept = index;
    return index;
  }

  return {
    judge: (candidate) =>
      deps.blobs.during(candidate.blobs, async () => {
        const before = await indexAt(candidate.base);
        const after = before.fork();
        const touched = await after.apply(candidate.changes);
        const judged = await judgeServices(before, after, narrow(touched, candidate.only), deps.judge);
        const message = candidate.message ?? '';
        const known = new Set(findingsOf(before, '', judged, 'before', deps.rules).map(keyOf));
        const found = [
          ...findingsOf(after, message, judged, 'after', deps.rules),
          ...removals(before, after, message, deps.rules),
        ].filter((finding) => !known.has(keyOf(finding)));
        return {
          problems: found.filter(({ severity }) => severity === 'error'),
          warnings: found.filter(({ severity }) => severity === 'warning'),
          affected: withChangedInputs(judged),
        };
      }),
  };
}

type Judge = CandidateJudgeDeps['judge'];

/** A change of the settings may concern a service although no file of it changed. */
function narrow({ all, services }: Touched, only: string | undefined): Touched {
  if (only === undefined) return { all, services };
  return { all: false, services: new Set(all || services.has(only) ? [only] : []) };
}

/** Services on which the verdict may change, by environment: by their inputs, or by the rules that judge their secrets. */
async function judgeServices(
  before: RepoIndex,
  after: RepoIndex,
  touched: Touched,
  judge: Judge,
): Promise<Map<string, AffectedService[]>> {
  const services = new Map<string, AffectedService[]>();
  // Without readable settings nobody can say which services an environment has.
  if (!after.settings) return services;
  const jobs: (() => Promise<void>)[] = [];
  const breathe = createBreather();
  for (const env of new Set([...before.environments(), ...after.environments()])) {
    const changed: AffectedService[] = [];
    const names = touched.all ? [...before.services(env), ...after.services(env)] : touched.services;
    for (const service of new Set(names)) {
      await breathe();
      const [from, to] = [before.inputs(service, env), after.inputs(service, env)];
      if (from?.verdictKey === to?.verdictKey) continue;
      jobs.push(async () => {
        // Verdicts from the cache do not wait for anything.
        await breathe();
        changed.push({ service, before: await judged(from, judge), after: await judged(to, judge) });
      });
    }
    services.set(env, changed);
  }
  await runBounded(jobs, judgedAtOnce);
  for (const changed of services.values()) changed.sort((a, b) => (a.service < b.service ? -1 : 1));
  return services;
}

function withChangedInputs(
  services: ReadonlyMap<string, readonly AffectedService[]>,
): ReadonlyMap<string, readonly AffectedService[]> {
  const affected = new Map<string, readonly AffectedService[]>();
  for (const [env, all] of services) {
    const changed = all.filter(({ before, after }) => before?.inputs.key !== after?.inputs.key);
    if (changed.length > 0) affected.set(env, changed);
  }
  return affected;
}

async function judged(inputs: ServiceInputs | null, judge: Judge): Promise<JudgedInputs | null> {
  return inputs && { inputs, judgement: await judge(inputs) };
}

/** Everything said of a tree's structure and of the services that change. */
function findingsOf(
  index: RepoIndex,
  message: string,
  affected: ReadonlyMap<string, readonly AffectedService[]>,
  side: 'before' | 'after',
  rules: RepositoryRules,
): Finding[] {
  const services = [...affected.values()].flat();
  const own = services.flatMap((service) => service[side]?.judgement.findings ?? []);
  const unique = new Map<string, Finding>();
  const { blocking } = structureOf(index, message, rules);
  for (const finding of [...index.structural, ...blocking, ...own]) unique.set(keyOf(finding), finding);
  return [...unique.values()];
}

/** Environments from which many services would vanish at once. */
function removals(before: RepoIndex, after: RepoIndex, message: string, rules: RepositoryRules): Finding[] {
  if (!after.settings) return [];
  const { allowedRemovals } = structureOf(after, message, rules);
  return after.environments().flatMap((env) => {
    const [from, to] = [before.services(env).size, after.services(env).size];
    const finding = removalFinding(env, from, to, allowedRemovals);
    return finding ? [finding] : [];
  });
}

/** What is the same complaint before and after: lines move, and texts quote values. */
function keyOf({ severity, code, file, pointer, service, env }: Finding): string {
  return [severity, code, file, pointer, service ?? '', env ?? ''].join('\n');
}
