/** Epoch statements: whether this client is up to date, and whether the daemon is still there. */
import { compareEpochs, type Epoch, type EpochPayload, openMessage } from '@headwater/schemas/protocol';
import { fetchJitterMs, fetchSnapshot, freshForMs } from './machine-fetch.ts';
import { retrySecrets } from './machine-secrets.ts';
import { reachedEpoch, type Step, signerRevoked, standingError } from './machine-step.ts';
import { raiseStatementMark, statementMark, statementStanding } from './trust.ts';

/** When every client of an environment must look, they spread over this time. */
export const surveyJitterMs = 30_000;

export function onStatement(run: Step, bytes: Uint8Array): void {
  const { keyring } = run.state;
  const { deployment, env } = run.deps.target;
  if (keyring === null) return;
  const { payload, signers, revokedSigners } = openMessage(
    bytes,
    ['epoch'],
    { deployment, env },
    keyring,
    run.deps.crypto,
  );
  if (signers.length === 0) throw signerRevoked(revokedSigners);
  const standing = statementStanding(payload, statementMark(run.state.marks, keyring));
  if (standing === 'older' || standing === 'conflict') throw standingError(standing, payload.epoch);
  if (standing === 'equal') {
    // The retained statement again, after a reconnect or a restart: it says nothing about now, but it may ask for a snapshot.
    run.effects.push({ type: 'count', name: 'duplicates' });
  } else {
    const { epoch, issuedAt } = payload;
    run.state.marks = raiseStatementMark(run.state.marks, signers, { epoch, issuedAt });
    run.state.freshUntil = run.now + freshForMs;
    run.effects.push({ type: 'count', name: 'statements' }, { type: 'marks', isUrgent: false });
    run.effects.push({ type: 'timer', name: 'fresh', delayMs: freshForMs });
    retrySecrets(run);
  }
  const stayedConnected = run.state.statementsHere > 0;
  run.state.statement = payload;
  run.state.statementsHere += 1;
  run.surveyMs = stayedConnected ? surveyJitterMs : fetchJitterMs;
}

/** Compares the newest statement with how far this client is. While a fetch is under way its end calls this again. */
export function judgeStatement(run: Step, surveyMs: number): void {
  const { statement, marks } = run.state;
  if (statement === null) return;
  const position = reachedEpoch(run);
  const named = namedEpoch(statement, run.deps.target.service);
  if (named && (position === null || compareEpochs(named, position) > 0)) {
    fetchSnapshot(run, named);
    return;
  }
  if (run.state.fetch !== null) return;
  if (run.state.settlesNext || coversSince(statement, marks.settled)) {
    run.state.settlesNext = false;
    run.state.marks = { ...marks, settled: statement.epoch };
    return;
  }
  // Every service moves into a new era, so a snapshot of the old one does not settle it.
  const { era } = statement.epoch;
  const isNewEra = position !== null && position.era < era;
  fetchSnapshot(run, isNewEra ? { era, seq: 1, commit: statement.epoch.commit } : null, surveyMs);
}

/** Newest service epoch that the statement names for this service. */
function namedEpoch(statement: EpochPayload, service: string): Epoch | null {
  for (const { commit, services } of statement.recent) {
    if (services !== '*' && Object.hasOwn(services, service)) {
      return { era: statement.epoch.era, seq: services[service] as number, commit };
    }
  }
  return null;
}

/** True when the window reaches back to `settled` and lists every name since. */
function coversSince(statement: EpochPayload, settled: Epoch | null): boolean {
  if (settled === null || settled.era !== statement.epoch.era) return false;
  if (settled.seq >= statement.epoch.seq) return true;
  const since = statement.recent.filter((entry) => entry.seq > settled.seq);
  return since.length < statement.recent.length && since.every((entry) => entry.services !== '*');
}
