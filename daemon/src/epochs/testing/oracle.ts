/**
 * The rules of docs/protocol.md §10 written down once more, as slowly and as literally as possible: every commit is looked at as a whole
 * and compared with all before it, from the root on. What the engine says must be what this says.
 */
import { isByAdmin, type OpenedApproval, type RecentEpoch } from '@headwater/schemas/protocol';
import type { Finding } from '../../core/finding.ts';
import type { ResolvedService } from '../../core/judgement.ts';
import type { RepoIndex } from '../../core/repo-index.ts';
import { environmentChain } from '../../core/repo-settings.ts';
import { canAnybodySign } from '../../core/signatures/allowed-signers.ts';
import { verifyCommit } from '../../core/signatures/verify-commit.ts';
import type { CommitInfo } from '../../ports.ts';
import type { EngineDeps } from '../engine-deps.ts';
import type { CommitPlace } from '../place.ts';
import { removalFinding } from '../removal-guard.ts';
import { structureOf } from '../structure.ts';
import { trailersOf } from '../trailers.ts';

interface Stated {
  readonly text: string;
  readonly protected: readonly string[];
  readonly covered: readonly string[];
  readonly review: string;
  readonly signedCommits: string;
  readonly index: RepoIndex;
}

/** One commit as it is. */
interface Look {
  readonly place: CommitPlace;
  readonly info: CommitInfo;
  readonly index: RepoIndex;
  /** Keys of inputs by environment and service. */
  readonly keys: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly resolved: ReadonlyMap<string, ReadonlyMap<string, ResolvedService | null>>;
  readonly stated: Stated | null;
}

interface Judged extends Look {
  readonly inForce: Stated;
  readonly isVerified: boolean;
}

interface Live {
  readonly epoch: CommitPlace;
  readonly digest: string;
  readonly schema: string;
  readonly rev: string | undefined;
}

interface Environment {
  epoch: CommitPlace | null;
  mode: 'environment' | 'service';
  held: {
    readonly service: string;
    readonly since: CommitPlace;
    readonly reason: string;
    readonly code: string;
  }[];
  recent: RecentEpoch[];
  live: Map<string, Live>;
  countAtValid: number;
  allowed: number;
}

export interface OracleResult {
  readonly environments: ReadonlyMap<string, Environment>;
  /** Where services left, by environment. */
  readonly gone: ReadonlyMap<string, ReadonlyMap<string, CommitPlace>>;
  readonly policy: Pick<Stated, 'protected' | 'review' | 'signedCommits' | 'covered'>;
  readonly mayApprove: boolean;
}

/** @param line The followed line, oldest first. @returns What holds at each of its commits. */
export async function runOracle(
  line: readonly CommitPlace[],
  deps: EngineDeps,
  maxRecent: number,
): Promise<OracleResult[]> {
  const past: Judged[] = [];
  const results: OracleResult[] = [];
  let inForce: Stated = nothing;
  let environments = new Map<string, Environment>();
  for (const place of line) {
    const look = await lookAt(place, deps);
    const isVerified = inForce.signedCommits !== 'require' || (await isSigned(look.info, inForce, deps));
    const commit: Judged = { ...look, inForce, isVerified };
    past.push(commit);
    const structure = structureOf(commit.index, commit.info.message, deps.rules);
    environments = new Map(
      [...environments].map(([env, state]) => [
        env,
        { ...state, live: new Map(state.live), recent: [...state.recent] },
      ]),
    );
    for (const env of commit.index.environments()) if (!environments.has(env)) environments.set(env, fresh());
    let mayApprove = isVerified;
    for (const [env, state] of environments) {
      const isUnapproved = commit.stated !== null && isVerified && !isKept(past, env, deps);
      if (isUnapproved) mayApprove = false;
      const policy: Finding[] = [];
      if (!isVerified) policy.push(note(await signatureCode(commit, deps)));
      if (isUnapproved) policy.push(note('HW_UNAPPROVED'));
      const isDeclared = commit.stated === null || commit.keys.has(env);
      if (!isDeclared && policy.length + structure.blocking.length === 0) environments.delete(env);
      else settle(state, env, past, structure, policy, isDeclared, maxRecent);
    }
    inForce = after(commit, deps);
    results.push({ environments, gone: goneOf(past, environments), policy: inForce, mayApprove });
  }
  return results;
}

const nothing: Stated = {
  text: '',
  protected: [],
  covered: [],
  review: 'headwater',
  signedCommits: 'off',
  index: null as unknown as RepoIndex,
};

const fresh = (): Environment => ({
  epoch: null,
  mode: 'environment',
  held: [],
  recent: [],
  live: new Map(),
  countAtValid: 0,
  allowed: 0,
});

const note = (code: Finding['code']): Finding => ({
  severity: 'error',
  code,
  file: code === 'HW_UNAPPROVED' ? 'headwater.json' : 'allowed_signers',
  pointer: code === 'HW_UNAPPROVED' ? '/protected' : '',
  message: '',
  hint: '',
});

async function lookAt(place: CommitPlace, deps: EngineDeps): Promise<Look> {
  const index = await deps.createIndex();
  const files = await deps.reader.listFiles(place.commit);
  await index.apply(files.map(({ path, mode, oid }) => ({ path, from: null, to: { mode, oid } })));
  const keys = new Map<string, Map<string, string>>();
  const resolved = new Map<string, Map<string, ResolvedService | null>>();
  for (const env of index.environments()) {
    keys.set(env, new Map());
    resolved.set(env, new Map());
    for (const service of index.services(env)) {
      const inputs = index.inputs(service, env);
      if (!inputs) continue;
      keys.get(env)?.set(service, inputs.key);
      resolved.get(env)?.set(service, (await deps.judge(inputs)).resolved);
    }
  }
  const info = await deps.reader.readCommit(place.commit);
  return { place, info, index, keys, resolved, stated: statedBy(index, files) };
}

function statedBy(index: RepoIndex, files: readonly { path: string; oid: string }[]): Stated | null {
  const { settings } = index;
  if (!settings) return null;
  const { protected: listed, review, signedCommits } = settings;
  const signers = files.find(({ path }) => path === 'allowed_signers')?.oid;
  const covered = settings.environments
    .filter(({ name }) => environmentChain(settings, name).some((env) => listed.includes(env)))
    .map(({ name }) => name);
  return {
    text: JSON.stringify([[...listed].sort(), review, signedCommits, signers]),
    protected: listed,
    covered,
    review,
    signedCommits,
    index,
  };
}

async function isSigned(info: CommitInfo, inForce: Stated, deps: EngineDeps): Promise<boolean> {
  const signers = inForce.index.policy?.signers.signers;
  return (
    signers !== undefined && verifyCommit(await deps.reader.readRawCommit(info.id), info, signers).verified
  );
}

async function signatureCode({ info, inForce }: Judged, deps: EngineDeps): Promise<Finding['code']> {
  const signers = inForce.index.policy?.signers.signers;
  const verdict = signers && verifyCommit(await deps.reader.readRawCommit(info.id), info, signers);
  return verdict && !verdict.verified ? verdict.problem.code : 'HW_INTERNAL';
}

function approvalsOf({ info }: Look, deps: EngineDeps): OpenedApproval[] {
  const parent = info.parents[0];
  return trailersOf(info.message, 'Headwater-Approval').flatMap((text) => {
    try {
      return parent === undefined || !deps.approvals
        ? []
        : [deps.approvals.open(text, { parent, tree: info.tree })];
    } catch {
      return [];
    }
  });
}

function isApprovedIn(commit: Judged, envs: readonly string[], deps: EngineDeps): boolean {
  const { stated, inForce } = commit;
  if (stated === null) return false;
  const needsAdmin =
    stated.text !== textOf(inForce) || inForce.covered.some((env) => !stated.covered.includes(env));
  return approvalsOf(commit, deps).some(
    ({ approval, isRevoked }) =>
      (!needsAdmin || isByAdmin(approval)) &&
      (!isRevoked || envs.some((env) => (deps.approvals?.publishedSeq(env) ?? 0) >= commit.place.seq)),
  );
}

const textOf = (stated: Stated): string =>
  stated === nothing ? JSON.stringify([[], 'headwater', 'off', undefined]) : stated.text;

function isProtectedAt(commit: Judged, env: string): boolean {
  const chain = commit.index.settings ? environmentChain(commit.index.settings, env) : [];
  return commit.inForce.covered.includes(env) || chain.some((one) => commit.inForce.protected.includes(one));
}

function isApprovedAt(commit: Judged, env: string, deps: EngineDeps): boolean {
  if (!commit.isVerified) return false;
  if (!isProtectedAt(commit, env) || commit.inForce.review === 'forge') return true;
  return isApprovedIn(commit, [env], deps);
}

/** Approved, or equal to the newest approved commit before it. */
function isKept(past: readonly Judged[], env: string, deps: EngineDeps): boolean {
  const commit = past.at(-1) as Judged;
  if (isApprovedAt(commit, env, deps)) return true;
  if (commit.stated?.text !== textOf(commit.inForce)) return false;
  const base = past.slice(0, -1).findLast((one) => isApprovedAt(one, env, deps));
  return (base ? inputsOf(base, env) : '') === inputsOf(commit, env);
}

/** Everything an environment is made of, but for the policy. */
function inputsOf({ keys, index }: Look, env: string): string {
  const own = keys.get(env);
  if (!own || !index.settings) return '';
  return JSON.stringify([
    environmentChain(index.settings, env),
    index.sopsRules,
    [...own].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

function after(commit: Judged, deps: EngineDeps): Stated {
  const { stated, inForce, isVerified } = commit;
  if (stated === null || !isVerified) return inForce;
  const signers = stated.index.policy?.signers.signers;
  if (stated.signedCommits === 'require' && !(signers && canAnybodySign(signers))) return inForce;
  if (inForce.protected.length === 0 || inForce.review === 'forge') return stated;
  return isApprovedIn(commit, inForce.covered, deps) ? stated : inForce;
}

function settle(
  state: Environment,
  env: string,
  past: readonly Judged[],
  structure: ReturnType<typeof structureOf>,
  policy: readonly Finding[],
  isDeclared: boolean,
  maxRecent: number,
): void {
  const commit = past.at(-1) as Judged;
  const keys = commit.keys.get(env) ?? new Map<string, string>();
  const judged = commit.resolved.get(env) ?? new Map<string, ResolvedService | null>();
  state.allowed = Math.max(state.allowed, structure.allowedRemovals);
  const removal =
    state.epoch && commit.stated && isDeclared
      ? removalFinding(env, state.countAtValid, keys.size, state.allowed)
      : null;
  const blocking = [...structure.blocking, ...policy, ...(removal ? [removal] : [])];
  const invalid = [...keys.keys()].filter(
    (name) => judged.get(name) === null || structure.byService.has(name),
  );
  const isWhole = blocking.length === 0 && invalid.length === 0;
  if (policy.length === 0 && commit.stated) {
    const asked = commit.index.settings?.atomicity;
    if (asked === 'service') state.mode = 'service';
    else if (isWhole) state.mode = 'environment';
  }
  if (blocking.length === 0 && (isWhole || state.mode === 'service')) {
    const moved: Record<string, number> = {};
    for (const service of new Set([...keys.keys(), ...state.live.keys()])) {
      if (invalid.includes(service)) continue;
      const place = changedAt(past, env, service);
      const resolved = judged.get(service);
      const before = state.live.get(service);
      if (!resolved) {
        if (state.live.delete(service)) moved[service] = place.seq;
        continue;
      }
      const { digest, schema, secrets } = resolved;
      state.live.set(service, { epoch: place, digest, schema, rev: secrets?.rev });
      if (before?.epoch.commit !== place.commit) moved[service] = place.seq;
    }
    state.epoch = commit.place;
    state.countAtValid = keys.size;
    state.allowed = 0;
    const services = Object.keys(moved).length > 8 ? '*' : moved;
    state.recent = [{ ...commit.place, services } as RecentEpoch, ...state.recent].slice(0, maxRecent);
  }
  const reasons = [
    ...blocking.map(({ code, file, pointer }) => ({
      service: '*',
      code,
      reason: ['*', code, file, pointer].join(),
    })),
    ...invalid.map((service) => ({
      service,
      code: structure.byService.get(service)?.[0]?.code ?? 'HW_CONFIG_INVALID',
      reason: service,
    })),
  ];
  state.held = reasons.map((one) => ({
    ...one,
    since: state.held.find(({ reason }) => reason === one.reason)?.since ?? commit.place,
  }));
}

/** The newest commit that changed the inputs of a service. */
function changedAt(past: readonly Judged[], env: string, service: string): CommitPlace {
  const keyAt = (at: number) => past[at]?.keys.get(env)?.get(service);
  let at = past.length - 1;
  while (at > 0 && keyAt(at) === keyAt(at - 1)) at--;
  return (past[at] as Judged).place;
}

/** Where services left that are not live, by environment. */
function goneOf(
  past: readonly Judged[],
  environments: ReadonlyMap<string, Environment>,
): Map<string, Map<string, CommitPlace>> {
  const gone = new Map<string, Map<string, CommitPlace>>();
  for (const env of new Set(past.flatMap(({ keys }) => [...keys.keys()]))) {
    const left = new Map<string, CommitPlace>();
    for (const [i, { keys, place }] of past.entries())
      for (const service of past[i - 1]?.keys.get(env)?.keys() ?? [])
        if (!keys.get(env)?.has(service)) left.set(service, place);
    for (const service of environments.get(env)?.live.keys() ?? []) left.delete(service);
    gone.set(env, left);
  }
  return gone;
}
