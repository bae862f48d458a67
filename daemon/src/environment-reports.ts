import { describeEpoch, type HealthProblem } from '@headwater/schemas/protocol';
import type { EnvironmentTrack, HeldItem } from './epochs/environment-track.ts';
import type { CommitWarning } from './epochs/line-state.ts';
import { epochAt } from './epochs/place.ts';
import type { LiveEvents } from './live-events.ts';
import type { Log } from './log.ts';
import type { Problems } from './problems.ts';
import type { PublishSummary } from './publishing/environment-publisher.ts';

/** More services than this are told as "*". */
const maxToldServices = 100;

/** Most reasons reported of one commit; `headwater status` shows them all. */
const maxReported = 10;

export interface EnvironmentReportsDeps {
  readonly log: Log;
  readonly problems: Problems;
  readonly events: LiveEvents;
  readonly era: () => number;
}

/** Tells people, once per change, what went live and what waits. The same reason in several environments is one line. */
export class EnvironmentReports {
  readonly #deps: EnvironmentReportsDeps;
  readonly #reported = new Map<string, string>();
  /** `seq` of the newest commit that was warned of. */
  #warned = 0;

  constructor(deps: EnvironmentReportsDeps) {
    this.#deps = deps;
  }

  published(track: EnvironmentTrack, summary: PublishSummary): void {
    const moved = [...summary.published, ...summary.removed];
    if (!track.epoch || moved.length === 0) return;
    const services = moved.length > maxToldServices ? '*' : moved;
    this.#deps.events.publish({
      type: 'epoch',
      env: track.env,
      epoch: epochAt(track.epoch, this.#deps.era()),
      services,
    });
    this.#deps.log.info(
      {
        env: track.env,
        epoch: placeOf(track),
        ...(summary.published.length > 0 ? { services: listNames(summary.published) } : {}),
        ...(summary.removed.length > 0 ? { removed: listNames(summary.removed) } : {}),
      },
      'epoch is live',
    );
  }

  /** Reports what is held and what healed, and keeps both in health. */
  judged(tracks: readonly EnvironmentTrack[]): void {
    const news = new Map<string, { item: HeldItem; envs: string[] }>();
    const healed: EnvironmentTrack[] = [];
    const declared = new Set(tracks.map(({ env }) => env));
    for (const env of this.#reported.keys()) if (!declared.has(env)) this.#forget(env);
    for (const track of tracks) {
      const [first] = track.held;
      const text = track.held.map(reasonOf).join('\n');
      const isNews = (this.#reported.get(track.env) ?? '') !== text;
      this.#reported.set(track.env, text);
      if (first) this.#deps.problems.set(`env:${track.env}`, heldProblem(track, first));
      else if (this.#deps.problems.clear(`env:${track.env}`)) healed.push(track);
      if (!isNews) continue;
      this.#deps.events.publish({ type: 'held', env: track.env, total: track.held.length });
      for (const item of track.held) {
        const known = news.get(reasonOf(item));
        if (known) known.envs.push(track.env);
        else news.set(reasonOf(item), { item, envs: [track.env] });
      }
    }
    for (const { item, envs } of [...news.values()].slice(0, maxReported)) {
      this.#deps.log.error(heldFields(item, envs), 'commit is held');
    }
    if (healed[0])
      this.#deps.log.info(
        { env: listNames(healed.map(({ env }) => env)), epoch: placeOf(healed[0]) },
        'nothing is held any more',
      );
  }

  /** Warns once of every commit. */
  warned(warnings: readonly CommitWarning[]): void {
    for (const { place, finding } of warnings) {
      if (place.seq <= this.#warned) continue;
      this.#warned = place.seq;
      const { code, message, hint } = finding;
      this.#deps.log.warn(
        { commit: place.commit.slice(0, 7), code, problem: message, hint },
        'commit is not verified',
      );
    }
  }

  /** An environment that is gone holds nothing. */
  #forget(env: string): void {
    this.#reported.delete(env);
    this.#deps.problems.clear(`env:${env}`);
  }
}

const placeOf = (track: EnvironmentTrack): string => (track.epoch ? describeEpoch(track.epoch) : 'none yet');

const reasonOf = ({ since, service, finding }: HeldItem): string =>
  [since.commit, service, finding.file, finding.pointer, finding.message].join('\u0000');

const listNames = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;

/** Both ways out of a held commit. */
export function waysOut(item: HeldItem): string {
  const { hint } = item.finding;
  return `${hint ? `${hint} ` : ''}Commit the fix, or undo the commit: git revert ${item.since.commit.slice(0, 7)}.`;
}

function heldProblem(track: EnvironmentTrack, item: HeldItem): HealthProblem {
  const { code, file, line, pointer, message } = item.finding;
  const place = `${file}${line === undefined ? '' : `:${line}`}${pointer ? ` ${pointer}` : ''}`;
  const state = track.epoch ? `stays at ${placeOf(track)}` : 'has never been valid';
  return {
    code: track.epoch ? code : 'HW_NEVER_VALID',
    message: `${track.env} ${state}: ${place}: ${message}`,
    hint: waysOut(item),
  };
}

function heldFields(item: HeldItem, envs: readonly string[]): Record<string, unknown> {
  const { code, file, line, pointer, message } = item.finding;
  return {
    env: envs.join(', '),
    ...(item.service === '*' ? {} : { service: item.service }),
    commit: item.since.commit.slice(0, 7),
    code,
    file: line === undefined ? file : `${file}:${line}`,
    pointer,
    problem: message,
    hint: waysOut(item),
  };
}
