import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { type Health, type HealthProblem, healthTopic, utf8 } from '@headwater/schemas/protocol';
import { statusOf } from './daemon-view.ts';
import { epochAt } from './epochs/place.ts';
import type { Pipeline } from './pipeline.ts';
import type { Clock } from './ports.ts';
import type { Problems } from './problems.ts';
import type { Upstream } from './upstream/upstream.ts';
import { version } from './version.ts';

/** How often the daemon says how it is. [protocol §5] */
export const healthIntervalMs = 10_000;

/** Stable per machine and data folder, so that a restarted daemon replaces its own health message. */
export function daemonIdOf(data: string): string {
  return createHash('sha256').update(`${hostname()}\n${data}`).digest('hex').slice(0, 12);
}

export interface HealthDeps {
  readonly daemonId: string;
  readonly deployment: string;
  readonly branch: string;
  readonly brokerKind: 'embedded' | 'outside';
  readonly startedAt: string;
  readonly clock: Clock;
  readonly problems: Problems;
  /** The host that is mirrored; `null` = the repository itself is followed. */
  readonly upstream: Upstream | null;
}

/** Health right now. */
export function healthOf(deps: HealthDeps, pipeline: Pipeline | null): Health {
  const { daemonId, deployment, branch, brokerKind, startedAt, clock, problems } = deps;
  const tracks = [...(pipeline?.engine?.environments.values() ?? [])];
  const list = problems.list();
  return {
    v: 1,
    ok: list.length === 0,
    daemonId,
    deployment,
    version,
    at: new Date(clock.now()).toISOString(),
    startedAt,
    environments: Object.fromEntries(
      tracks.map((track) => [
        track.env,
        {
          epoch: track.epoch && epochAt(track.epoch, pipeline?.era ?? 1),
          status: statusOf(track),
          heldTotal: track.held.length,
        },
      ]),
    ),
    broker: { connected: pipeline?.connected ?? false, kind: brokerKind },
    repo: { branch, tip: pipeline?.tip ?? null },
    ...(deps.upstream === null ? {} : { git: gitOf(deps.upstream) }),
    problems: list,
  };
}

function gitOf({ state, takesPushes }: Upstream): NonNullable<Health['git']> {
  const { url, reachable, syncedAt } = state;
  return {
    upstream: url,
    reachable,
    syncedAt: syncedAt === null ? null : new Date(syncedAt).toISOString(),
    takesPushes,
  };
}

/** What the broker says about a daemon that vanished. */
export function lastWill(deps: HealthDeps, prefix: string): HealthMessage {
  return notRunning(deps, null, prefix, {
    code: 'HW_DAEMON_NOT_RUNNING',
    message: 'the daemon is gone without a word',
    hint: 'Services keep running their last config. Start the daemon again and look into its log.',
  });
}

/** What a daemon says of itself when it is stopped. */
export function lastWord(deps: HealthDeps, pipeline: Pipeline, prefix: string): HealthMessage {
  return notRunning(deps, pipeline, prefix, {
    code: 'HW_DAEMON_NOT_RUNNING',
    message: 'the daemon was stopped',
    hint: 'Services keep running their last config. Start the daemon again to publish changes.',
  });
}

interface HealthMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

function notRunning(
  deps: HealthDeps,
  pipeline: Pipeline | null,
  prefix: string,
  problem: HealthProblem,
): HealthMessage {
  const health = healthOf(deps, pipeline);
  const told: Health = { ...health, ok: false, problems: [problem, ...health.problems] };
  return { topic: healthTopic(prefix, deps.daemonId), payload: utf8(JSON.stringify(told)) };
}
