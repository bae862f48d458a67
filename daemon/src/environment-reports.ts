import { describeEpoch, type HealthProblem } from '@headwater/schemas/protocol';
import type { EnvironmentTrack, HeldItem } from './epochs/environment-track.ts';
import { epochAt } from './epochs/place.ts';
import type { Logger } from './log.ts';
import type { Problems } from './problems.ts';
import type { PublishSummary } from './publishing/environment-publisher.ts';

/** Tells people, once per change, what went live in an environment and what waits there. */
export class EnvironmentReports {
  readonly #log: Logger;
  readonly #lastHeld = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  published(track: EnvironmentTrack, summary: PublishSummary): void {
    if (!track.epoch || summary.published.length + summary.removed.length === 0) return;
    const fields = { env: track.env, epoch: describeEpoch(epochAt(track.epoch, 1)) };
    this.#log.info(
      {
        ...fields,
        services: listNames(summary.published),
        ...(summary.removed.length > 0 ? { removed: listNames(summary.removed) } : {}),
      },
      'epoch is live',
    );
  }

  /** Reports what is held, and keeps the environment's entry in health. */
  judged(track: EnvironmentTrack, problems: Problems): void {
    const subject = `env:${track.env}`;
    const first = track.held[0];
    const key = track.held
      .map((item) => `${item.since.commit} ${item.service} ${item.finding.message}`)
      .join('\n');
    const isNews = this.#lastHeld.get(track.env) !== key;
    this.#lastHeld.set(track.env, key);
    if (first) {
      problems.set(subject, heldProblem(track, first));
      if (isNews)
        for (const item of track.held.slice(0, maxReported))
          this.#log.error(heldFields(track, item), 'commit is held');
    } else if (problems.clear(subject)) {
      this.#log.info(
        { env: track.env, epoch: track.epoch && describeEpoch(epochAt(track.epoch, 1)) },
        'held commit healed',
      );
    }
  }
}

const maxReported = 10;

const listNames = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;

/** Both ways out of a held commit. */
export function waysOut(item: HeldItem): string {
  const { hint } = item.finding;
  return `${hint ? `${hint} ` : ''}Then commit again; or undo it: git revert ${item.since.commit.slice(0, 7)}.`;
}

function heldProblem(track: EnvironmentTrack, item: HeldItem): HealthProblem {
  const { code, file, line, pointer, message } = item.finding;
  const place = `${file}${line === undefined ? '' : `:${line}`}${pointer ? ` ${pointer}` : ''}`;
  const state = track.epoch ? `stays at ${describeEpoch(epochAt(track.epoch, 1))}` : 'has never been valid';
  return {
    code: track.epoch ? code : 'HW_NEVER_VALID',
    message: `${track.env} ${state}: ${place}: ${message}`,
    hint: waysOut(item),
  };
}

function heldFields(track: EnvironmentTrack, item: HeldItem): Record<string, unknown> {
  const { code, file, line, pointer, message } = item.finding;
  return {
    env: track.env,
    ...(item.service === '*' ? {} : { service: item.service }),
    commit: item.since.commit.slice(0, 7),
    code,
    file: line === undefined ? file : `${file}:${line}`,
    pointer,
    problem: message,
    hint: waysOut(item),
  };
}
