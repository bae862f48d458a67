/** Getting the whole snapshot when diffs cannot continue: spread in time, with patience, and never more often than needed. */
import { compareEpochs, type Epoch } from '@headwater/schemas/protocol';
import type { BufferedDiff, Fetch } from './machine-state.ts';
import { reachedEpoch, type Step } from './machine-step.ts';

/** Clients that miss the same message ask within this time, not all at once. */
export const fetchJitterMs = 2_000;
/** Without the wanted snapshot for so long the client calls itself behind. */
export const behindAfterMs = 10_000;
export const maxFetchBackOffMs = 60_000;
/** As long as a statement counts; the first one is awaited as long. */
export const freshForMs = 90_000;
/** A snapshot replaces what is dropped, so a small buffer is enough. */
const maxBufferedDiffs = 64;

export const startFetch: Fetch = { wanted: null, subscribed: false, dueAt: null, attempt: 0, buffer: [] };

/** [protocol §5] exact topics only, keys first; the snapshot at process start and while fetching */
export function onConnected(run: Step): void {
  Object.assign(run.state, { isConnected: true, statementsHere: 0, settlesNext: false });
  run.effects.push({ type: 'subscribe', topics: ['keys'] });
  run.effects.push({ type: 'subscribe', topics: ['epoch', 'schema', 'diff'] });
  if (run.state.freshUntil === null) {
    run.state.freshUntil = run.now + freshForMs;
    run.effects.push({ type: 'timer', name: 'fresh', delayMs: freshForMs });
  }
  if (run.state.fetch === null) return;
  if (!run.state.isConfirmed) onFetchTimer(run);
  else spread(run, fetchJitterMs);
}

export function onDisconnected(run: Step): void {
  Object.assign(run.state, { isConnected: false, settlesNext: false });
  if (run.state.fetch === null) return;
  run.state.fetch = { ...run.state.fetch, subscribed: false, dueAt: null };
  run.effects.push({ type: 'timer', name: 'fetch', delayMs: null });
}

/** Asks for the snapshot until `wanted` or newer came (`null`: any verified one). A fetch under way may only be hastened. */
export function fetchSnapshot(run: Step, wanted: Epoch | null, jitterMs = fetchJitterMs): void {
  const { fetch } = run.state;
  if (fetch === null) {
    run.state.fetch = { ...startFetch, wanted };
    run.effects.push({ type: 'count', name: 'fetches' });
  } else if (wanted !== null && (fetch.wanted === null || compareEpochs(wanted, fetch.wanted) > 0)) {
    run.state.fetch = { ...fetch, wanted };
  }
  if (!fetch?.subscribed && run.state.isConnected) spread(run, jitterMs);
}

/** A verified diff that does not continue what is held waits for the snapshot below it. */
export function bufferDiff(run: Step, diff: BufferedDiff): void {
  fetchSnapshot(run, diff.epoch);
  const { fetch } = run.state;
  if (fetch) run.state.fetch = { ...fetch, buffer: [...fetch.buffer, diff].slice(-maxBufferedDiffs) };
}

/** The time to subscribe has come, or the snapshot did not come in time. */
export function onFetchTimer(run: Step): void {
  const { fetch } = run.state;
  if (fetch === null || !run.state.isConnected) return;
  if (fetch.subscribed) {
    run.state.isBehind = true;
    // A fresh subscription makes the broker send the retained message again.
    run.effects.push({ type: 'unsubscribe', topics: ['snapshot'] });
  }
  run.effects.push({ type: 'subscribe', topics: ['snapshot'] });
  const isFirst = !fetch.subscribed;
  const attempt = isFirst ? 1 : fetch.attempt + 1;
  const backOff = Math.min(maxFetchBackOffMs, behindAfterMs * 2 ** (attempt - 1));
  const delayMs = isFirst ? behindAfterMs : backOff * (0.5 + run.deps.random() / 2);
  run.state.fetch = { ...fetch, subscribed: true, dueAt: null, attempt };
  run.effects.push({ type: 'timer', name: 'fetch', delayMs });
}

/**
 * Called after every verified message about the document: gives waiting diffs another chance, and ends the fetch when its end
 * was reached.
 * @param isWhole The message was a snapshot or a tombstone.
 */
export function reached(run: Step, isWhole: boolean): void {
  const { fetch } = run.state;
  const position = reachedEpoch(run);
  if (fetch === null || position === null) return;
  run.replay.push(...fetch.buffer);
  run.state.fetch = { ...fetch, buffer: [] };
  const isDone =
    fetch.wanted === null ? isWhole && fetch.subscribed : compareEpochs(position, fetch.wanted) >= 0;
  if (!isDone) return;
  run.state.fetch = null;
  run.state.isBehind = false;
  run.effects.push({ type: 'timer', name: 'fetch', delayMs: null });
  if (fetch.subscribed) run.effects.push({ type: 'unsubscribe', topics: ['snapshot'] });
  if (isWhole) settleBySnapshot(run);
  run.surveyMs = fetchJitterMs;
}

/** [protocol §6.3] the first verified snapshot after subscribing settles what the statements so far asked for */
function settleBySnapshot(run: Step): void {
  if (run.state.statement) run.state.marks = { ...run.state.marks, settled: run.state.statement.epoch };
  else run.state.settlesNext = true;
}

function spread(run: Step, jitterMs: number): void {
  const { fetch } = run.state;
  const delayMs = run.deps.random() * jitterMs;
  const dueAt = run.now + delayMs;
  // Never later than planned: a stream of diffs that do not fit must not put the fetch off.
  if (fetch === null || (fetch.dueAt !== null && fetch.dueAt <= dueAt)) return;
  run.state.fetch = { ...fetch, dueAt };
  run.effects.push({ type: 'timer', name: 'fetch', delayMs });
}
