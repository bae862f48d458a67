import type { EraState } from '@headwater/schemas/http';
import { describeEpoch, isObject, type JsonValue } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import type { EnvironmentView, HeldView, ServiceSummary } from '../../view.ts';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonApi, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { describeAge } from '../doctor/check.ts';
import { clean, columns, count } from '../output.ts';
import type { Style } from '../style.ts';

export function registerStatus(program: Command): void {
  const command = addCommand(program, 'status', {
    summary: 'show where every environment stands',
    description:
      'Shows the live epoch of every environment, what is held back with both ways out, and how many clients are connected.\n' +
      'Exits with 1 when something waits for a person.',
    examples: ['headwater status --data .headwater/data', 'headwater status --json | jq .environments'],
  });
  addDaemonOptions(command);
  act<DaemonOptions>(command, async (io, options) => {
    const api = await openDaemon(options, io);
    const status = await io.out.progress('Asking the daemon', readStatus(api));
    const isFine = status.environments.every((one) => one.status === 'ok') && status.problems.length === 0;
    io.out.result({ ok: isFine, url: api.url, ...status }, textOf(status, io.out.style).join('\n'));
    return isFine;
  });
}

/** Older ones are in the log of the daemon. */
const maxShownWarnings = 3;

interface EnvironmentStatus extends EnvironmentView {
  readonly services: readonly ServiceSummary[];
}

interface Status extends EraState {
  readonly deployment: string;
  /** The host that is mirrored; `null` = none, the repository itself is followed. */
  readonly git: GitStatus | null;
  readonly environments: readonly EnvironmentStatus[];
  /** Codes of what is wrong with the daemon itself. */
  readonly problems: readonly string[];
}

interface GitStatus {
  readonly reachable: boolean;
  readonly takesPushes: boolean;
  readonly syncedAt: string | null;
  /** Milliseconds since then by the clock of the daemon. */
  readonly ageMs: number | null;
}

async function readStatus(api: DaemonApi): Promise<Status> {
  const [me, health, history] = await Promise.all([
    api.get('/api/v1/me'),
    api.get('/health'),
    api.get('/api/v1/epoch/era'),
  ]);
  const names = textsOf(field(me.body, 'environments'));
  const environments = await Promise.all(
    names.map(async (env) => {
      const [state, services] = await Promise.all([
        api.get(`/api/v1/epoch?env=${encodeURIComponent(env)}`),
        api.get(`/api/v1/services?env=${encodeURIComponent(env)}`),
      ]);
      // Our own daemon wrote it; the token went to no one else.
      const view = state.body as unknown as EnvironmentView;
      return { ...view, services: field(services.body, 'services') as unknown as ServiceSummary[] };
    }),
  );
  return {
    deployment: String(field(me.body, 'deployment')),
    ...(history.body as unknown as EraState),
    git: gitOf(health.body),
    environments,
    problems: textsOf(field(health.body, 'problems')),
  };
}

function textOf(status: Status, style: Style): string[] {
  const marks = {
    ok: style.green('ok'),
    degraded: style.yellow('held'),
    'never-valid': style.red('never valid'),
  };
  const rows = columns(
    status.environments.map((one) => [
      clean(one.env),
      one.epoch === null ? '—' : describeEpoch(one.epoch),
      count(one.services?.length ?? 0, 'service'),
      count(
        (one.services ?? []).reduce((sum, service) => sum + service.clients, 0),
        'client',
      ),
    ]),
  );
  const lines = status.environments.flatMap((one, i) => [
    `${rows[i]}  ${marks[one.status]}${behindTip(one)}`,
    ...one.held.flatMap((held) => heldLines(held, style)),
    ...undeliveredLines(one, style),
    ...(one.heldTotal > one.held.length ? [`    … ${one.heldTotal - one.held.length} more`] : []),
  ]);
  const problems = status.problems.map(
    (code) => `${style.red('problem')} ${clean(code)}: see headwater doctor`,
  );
  const head = `${style.bold(clean(status.deployment))}, era ${status.era}`;
  return [
    head,
    ...eraLines(status, style),
    ...gitLines(status.git, style),
    ...lines,
    ...policyLines(status.environments, style),
    ...problems,
  ];
}

/** What concerns all environments: a branch that is refused, and a memory that nobody else shares. */
function eraLines({ ledger, refused }: EraState, style: Style): string[] {
  const lines = refused ? [`${style.red('refused')} ${clean(refused.message)} (${clean(refused.code)})`] : [];
  if (refused?.hint !== undefined) lines.push(`  ${clean(refused.hint)}`);
  if (ledger === 'local')
    lines.push('what was published is remembered by this daemon alone: its repository takes no pushes');
  return lines;
}

function gitOf(health: JsonValue): GitStatus | null {
  const git = field(health, 'git');
  if (!isObject(git)) return null;
  const at = Date.parse(String(field(health, 'at')));
  const syncedAt = typeof git.syncedAt === 'string' ? git.syncedAt : null;
  return {
    reachable: git.reachable === true,
    takesPushes: git.takesPushes === true,
    syncedAt,
    ageMs: syncedAt === null ? null : Math.max(0, at - Date.parse(syncedAt)),
  };
}

function gitLines(git: GitStatus | null, style: Style): string[] {
  if (git === null) return [];
  const state = git.reachable ? style.green('reachable') : style.red('out of reach');
  const age = git.ageMs === null ? 'never in step' : `in step ${describeAge(git.ageMs)} ago`;
  return [`git host ${state}, ${age}${git.takesPushes ? '' : ', takes no pushes'}`];
}

/** What is asked of commits, and what the newest of them lack. The same for all environments, so told once. */
function policyLines(environments: readonly EnvironmentStatus[], style: Style): string[] {
  const [first] = environments;
  if (first?.policy === undefined) return [];
  const isFree = first.policy.signedCommits === 'off' && environments.every((one) => !one.policy.protected);
  const free = 'nothing is protected and no signature is asked for: roles hold at the gate and the API only';
  return [
    ...first.warnings
      .slice(-maxShownWarnings)
      .map(
        ({ commit, message, code }) =>
          `${style.yellow('warning')} commit ${clean(commit.slice(0, 7))}: ${clean(message)} (${clean(code)})`,
      ),
    ...(isFree ? [style.dim(free)] : []),
  ];
}

/** A warning: nothing waits, but a service does without its secrets. */
function undeliveredLines({ env, services }: EnvironmentStatus, style: Style): string[] {
  return (services ?? [])
    .filter(({ undelivered }) => undelivered)
    .flatMap(({ service }) => [
      `  ${style.yellow('no recipient')} ${clean(service)} has secrets that nobody can open`,
      `    Enroll it: headwater enroll ${clean(service)} --env ${clean(env)}`,
    ]);
}

function behindTip({ epoch, tip }: EnvironmentView): string {
  if (tip === null || epoch?.commit === tip.commit) return '';
  return `, tip is #${tip.seq} · ${tip.commit.slice(0, 7)}`;
}

function heldLines(held: HeldView, style: Style): string[] {
  const place =
    held.file === undefined ? '' : `${held.file}${held.line === undefined ? '' : `:${held.line}`} `;
  const what = held.service === '*' ? 'everything' : held.service;
  return [
    `  ${style.yellow('held')} ${clean(what)} since ${clean(held.since.slice(0, 7))}: ${clean(`${place}${held.pointer ?? ''}`)}`,
    `    ${clean(held.message)} (${clean(held.code)})`,
    `    ${clean(held.hint)}`,
    ...(held.hint.includes('revert')
      ? []
      : [`    Or undo the commit: git revert ${clean(held.since.slice(0, 7))}`]),
  ];
}

function field(body: JsonValue, name: string): JsonValue {
  return isObject(body) ? (body[name] ?? null) : null;
}

function textsOf(value: JsonValue): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
