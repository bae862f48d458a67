/** Doctor's look at the daemon: its folder, its process, its clock, its repository, what it holds back. */
import { resolve } from 'node:path';
import { describeEpoch, isObject, type JsonValue } from '@headwater/schemas/protocol';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import type { EnvironmentView } from '../../view.ts';
import { openConfigRepository, shortBranch } from '../config-repository.ts';
import type { CliContext } from '../context.ts';
import { type DaemonApi, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { attempt, type Check, describeAge, ok, problem, skip } from './check.ts';

export interface DaemonFindings {
  readonly checks: readonly Check[];
  /** `null` when no daemon could be asked. */
  readonly api: DaemonApi | null;
}

/** Messages of one machine carry another's times; further apart, "valid from" and expiry start to mislead. */
const maxClockSkewMs = 30_000;

export async function checkDaemon(options: DaemonOptions, context: CliContext): Promise<DaemonFindings> {
  const data = dataOf(options, context);
  const folder = await checkFolder(data);
  const found: {
    api: DaemonApi | null;
    reported: readonly string[];
    environments: readonly EnvironmentView[];
  } = {
    api: null,
    reported: [],
    environments: [],
  };
  const running = await attempt('daemon', async () => {
    if (data === null && options.url === undefined && context.env.HEADWATER_URL === undefined)
      return skip('daemon', 'give --data or --url to look at the daemon');
    const api = await openDaemon(options, context);
    const { body } = await api.get('/health');
    found.api = api;
    found.reported = isObject(body) && Array.isArray(body.problems) ? body.problems.map(String) : [];
    return ok('daemon', `version ${isObject(body) ? String(body.version) : 'unknown'} answers at ${api.url}`);
  });
  const { api } = found;
  if (api === null) {
    const rest = ['clock', 'repository', 'held', 'health'].map((name) => skip(name, 'no daemon to ask'));
    return { checks: [folder, running, ...rest], api };
  }
  const clock = await attempt('clock', () => checkClock(api));
  const held = await attempt('held', async () => {
    found.environments = await readEnvironments(api);
    return checkHeld(found.environments);
  });
  const repository = await attempt('repository', () => checkRepository(data, found.environments));
  const health = checkHealth(found.reported, found.environments);
  return { checks: [folder, running, clock, repository, held, health], api };
}

/** What the daemon reports of itself, beyond what stands in the line about held commits. */
function checkHealth(reported: readonly string[], environments: readonly EnvironmentView[]): Check {
  const held = new Set(environments.flatMap((one) => one.held.map(({ code }) => code)));
  const others = reported.filter((code) => !held.has(code));
  if (others.length === 0) return ok('health', 'the daemon reports nothing else');
  return problem(
    'health',
    `the daemon reports ${others.join(', ')}`,
    'Its log says more; docs/errors.md explains each code.',
  );
}

function dataOf({ data, url }: DaemonOptions, { cwd, env }: CliContext): string | null {
  const given = data ?? (url === undefined ? env.HEADWATER_DATA : undefined);
  return given === undefined ? null : resolve(cwd, given);
}

async function checkFolder(data: string | null): Promise<Check> {
  if (data === null) return skip('data folder', 'not given');
  return attempt('data folder', async () => {
    await openDataFolder(data, { exclusive: false });
    return ok('data folder', `${data} is private`);
  });
}

async function checkClock(api: DaemonApi): Promise<Check> {
  const before = Date.now();
  const { headers } = await api.get('/health');
  const date = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(date)) return skip('clock', 'the daemon does not tell its time');
  // The header has whole seconds, and the answer took a moment.
  const skew = Math.max(0, Math.abs(date - (before + Date.now()) / 2) - 1000);
  if (skew <= maxClockSkewMs) return ok('clock', 'the daemon and this machine agree');
  return problem(
    'clock',
    `the clocks of the daemon and this machine differ by ${describeAge(skew)}`,
    'Set both by NTP.',
  );
}

async function readEnvironments(api: DaemonApi): Promise<readonly EnvironmentView[]> {
  const { body } = await api.get('/api/v1/me');
  const names: readonly JsonValue[] =
    isObject(body) && Array.isArray(body.environments) ? body.environments : [];
  const answers = await Promise.all(
    names.map((env) => api.get(`/api/v1/epoch?env=${encodeURIComponent(String(env))}`)),
  );
  return answers.map((answer) => answer.body as unknown as EnvironmentView);
}

function checkHeld(environments: readonly EnvironmentView[]): Check {
  const waiting = environments.filter((one) => one.status !== 'ok');
  if (environments.length === 0)
    return problem('held', 'the daemon knows no environment', 'See headwater validate.');
  if (waiting.length === 0) {
    const places = environments.map(
      (one) => `${one.env} ${one.epoch === null ? '—' : describeEpoch(one.epoch)}`,
    );
    return ok('held', `nothing waits: ${places.join(', ')}`);
  }
  const [first] = waiting.flatMap((one) => one.held);
  const where =
    first === undefined ? '' : `: ${first.file ?? first.service}${first.pointer ?? ''} ${first.message}`;
  return problem(
    'held',
    `${waiting.map((one) => one.env).join(', ')} held back${where}`,
    first?.hint ?? 'See headwater status.',
  );
}

/** With a folder at hand: does the daemon see the newest commit of the repository that it hosts? */
async function checkRepository(
  data: string | null,
  environments: readonly EnvironmentView[],
): Promise<Check> {
  const tip = environments.find((one) => one.tip !== null)?.tip ?? null;
  if (tip === null)
    return problem('repository', 'the followed branch has no commit', 'Commit a configuration and push it.');
  const seen = `the daemon sees #${tip.seq} · ${tip.commit.slice(0, 7)}`;
  if (data === null) return ok('repository', seen);
  const repository = await openConfigRepository(`${data}/repo.git`).catch(() => null); // it follows one elsewhere
  if (repository === null) return ok('repository', seen);
  try {
    const branch = shortBranch(repository.ref);
    if (repository.tip === tip.commit) return ok('repository', `${seen}, the tip of ${branch}`);
    return problem(
      'repository',
      `${seen}, but ${branch} is at ${repository.tip?.slice(0, 7)}`,
      'Look at the log of the daemon.',
    );
  } finally {
    await repository.close();
  }
}
