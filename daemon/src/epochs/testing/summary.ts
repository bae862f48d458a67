/** What must be equal for equal histories, whoever computed it and however, as plain data. */

import type { EpochEngine } from '../epoch-engine.ts';
import type { CommitPlace } from '../place.ts';
import type { OracleResult } from './oracle.ts';

export function engineSummary(engine: EpochEngine, everyEnv: readonly string[]): unknown {
  const { policy } = engine;
  return {
    environments: everyEnv.map((env) => {
      const track = engine.environments.get(env);
      const gone = track?.gone ?? engine.goneFrom(env);
      return {
        env,
        gone: sorted([...gone].filter(([service]) => !track?.live.has(service))),
        ...(track && {
          epoch: track.epoch,
          mode: track.mode,
          held: track.held.map((one) => `${one.service} ${one.finding.code} ${text(one.since)}`).sort(),
          recent: track.recent,
          live: [...track.live]
            .map(([service, { epoch, resolved }]) =>
              liveText(service, epoch, resolved.digest, resolved.schema, resolved.secrets?.rev),
            )
            .sort(),
        }),
      };
    }),
    policy: [[...policy.protected], policy.review, policy.signedCommits, [...policy.covered].sort()],
    mayApprove: engine.approvalObstacle === null,
  };
}

export function oracleSummary(
  { environments, gone, policy, mayApprove }: OracleResult,
  everyEnv: readonly string[],
): unknown {
  return {
    environments: everyEnv.map((env) => {
      const state = environments.get(env);
      return {
        env,
        gone: sorted([...(gone.get(env) ?? [])]),
        ...(state && {
          epoch: state.epoch,
          mode: state.mode,
          held: state.held.map(({ service, code, since }) => `${service} ${code} ${text(since)}`).sort(),
          recent: state.recent,
          live: [...state.live]
            .map(([service, live]) => liveText(service, live.epoch, live.digest, live.schema, live.rev))
            .sort(),
        }),
      };
    }),
    policy: [[...policy.protected].sort(), policy.review, policy.signedCommits, [...policy.covered].sort()],
    mayApprove,
  };
}

const text = ({ seq, commit }: CommitPlace): string => `#${seq} ${commit.slice(0, 7)}`;

const sorted = (places: readonly (readonly [string, CommitPlace])[]): string[] =>
  places.map(([service, place]) => `${service} ${text(place)}`).sort();

const liveText = (service: string, epoch: CommitPlace, ...rest: readonly (string | undefined)[]): string =>
  [service, text(epoch), ...rest].join(' ');
