/**
 * `Headwater-Min-Epoch: <era>.<seq>`: an answer that knows at least that epoch. Whoever saved and reads at once, perhaps from another
 * daemon, waits here until it is live, and not longer than ten seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DaemonView } from '../view.ts';
import { callerOf } from './auth.ts';
import { visibleEnvironments } from './environment.ts';
import { requestInvalid } from './not-found.ts';

export interface MinEpochDeps {
  readonly view: Pick<DaemonView, 'environment' | 'environments'>;
  /** Milliseconds. Default 10,000. */
  readonly epochWaitMs?: number;
}

const defaultWaitMs = 10_000;
/** Less than anybody notices, and nothing for a few hundred that wait. */
const pollMs = 20;
/** Requests that wait at one time: each holds a connection. */
const maxWaiting = 500;

/** Call after the hook that says who calls. */
export function awaitMinEpoch(app: FastifyInstance, deps: MinEpochDeps): void {
  let waiting = 0;
  app.addHook('preHandler', async (request) => {
    const header = request.headers['headwater-min-epoch'];
    if (header === undefined || request.method !== 'GET' || request.caller === null) return;
    const wanted = parseWanted(header);
    const environments = environmentsOf(request, deps.view);
    const isThere = () => environments.every((env) => isReached(env, wanted, deps.view));
    if (isThere()) return;
    if (waiting >= maxWaiting) throw tooMany();
    waiting++;
    try {
      await waitUntil(isThere, deps.epochWaitMs);
    } finally {
      waiting--;
    }
  });
}

interface Wanted {
  readonly era: number;
  readonly seq: number;
}

function parseWanted(header: string | string[]): Wanted {
  const match =
    typeof header === 'string' ? /^(\d{1,9})\.(\d{1,15})(?:@[0-9a-f]+)?$/.exec(header.trim()) : null;
  if (!match) throw requestInvalid('the header Headwater-Min-Epoch reads <era>.<seq>, as in 1.42');
  return { era: Number(match[1]), seq: Number(match[2]) };
}

/** The one that is asked about, else all that the caller sees. What cannot be seen is not waited for: the route will say so. */
function environmentsOf(request: FastifyRequest, view: MinEpochDeps['view']): readonly string[] {
  const seen = visibleEnvironments(view, callerOf(request));
  const { env } = request.query as Readonly<Record<string, unknown>>;
  return typeof env === 'string' ? seen.filter((one) => one === env) : seen;
}

function isReached(env: string, wanted: Wanted, view: MinEpochDeps['view']): boolean {
  const epoch = view.environment(env)?.epoch;
  if (!epoch) return false;
  return epoch.era > wanted.era || (epoch.era === wanted.era && epoch.seq >= wanted.seq);
}

/** Looks again and again: what moves an epoch and changes nothing is told to nobody. */
async function waitUntil(isThere: () => boolean, waitMs = defaultWaitMs): Promise<void> {
  for (let left = waitMs; left > 0; left -= pollMs) {
    await sleep(Math.min(pollMs, left));
    if (isThere()) return;
  }
  throw tooEarly();
}

function tooEarly(): HeadwaterError {
  return new HeadwaterError('HW_EPOCH_PENDING', {
    message: 'the epoch that was asked for is not live here yet',
    hint: 'Ask again; GET /api/v1/epoch?env=… says what is live, and what is held and why.',
  });
}

function tooMany(): HeadwaterError {
  return new HeadwaterError('HW_RATE_LIMITED', {
    message: 'too many requests are waiting for an epoch',
    hint: 'Ask without Headwater-Min-Epoch, or try again in some seconds.',
  });
}
