/** One step of the machine while it is being made: a draft of the next state, and the effects so far. */
import { compareEpochs, type Epoch, HeadwaterError } from '@headwater/schemas/protocol';
import type { BufferedDiff, Effect, Held, MachineDeps, MachineState, Refusal } from './machine-state.ts';
import { isRevoked, serviceMark } from './trust.ts';

export interface StepResult {
  readonly state: MachineState;
  readonly effects: readonly Effect[];
}

export interface Step {
  /** Replaced field by field; what the fields hold is never changed in place. */
  readonly state: { -readonly [K in keyof MachineState]: MachineState[K] };
  readonly effects: Effect[];
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly deps: MachineDeps;
  /** Diffs that waited for a snapshot which came in this step; judged before the step ends. */
  readonly replay: BufferedDiff[];
  isReplaying: boolean;
  /** Set when the newest statement must be compared again before the step ends: over how long a survey is spread. */
  surveyMs: number | null;
}

export function startStep(state: MachineState, now: number, deps: MachineDeps): Step {
  return { state: { ...state }, effects: [], now, deps, replay: [], isReplaying: false, surveyMs: null };
}

/** Records that something was not taken: a code, a counter and a log line follow from it. */
export function refuse(run: Step, topic: Refusal['topic'], error: HeadwaterError, epoch?: Epoch): void {
  run.effects.push({
    type: 'refused',
    refusal: { code: error.code, message: error.message, hint: error.hint, topic, epoch: epoch ?? null },
  });
}

/** How far this client is: the mark, or a newer document that its own schema refused and that is not fetched again. */
export function reachedEpoch(run: Step): Epoch | null {
  let best = serviceMark(run.state.marks, run.state.keyring)?.epoch ?? null;
  for (const { epoch } of run.state.rejections)
    if (best === null || compareEpochs(epoch, best) > 0) best = epoch;
  return best;
}

/** True when every key that signed it, or its secrets, was revoked since: it runs on, but counts for nothing. */
export function isRevokedDocument(state: Pick<MachineState, 'keyring'>, held: Held): boolean {
  return held.signers.every((keyId) => isRevoked(keyId, state.keyring)) || hasRevokedSecrets(state, held);
}

/** True when every key that signed the bundle in use was revoked since: no later message can vouch for it. */
export function hasRevokedSecrets(state: Pick<MachineState, 'keyring'>, held: Held): boolean {
  return held.secretsSigners.every((keyId) => isRevoked(keyId, state.keyring));
}

export function signerRevoked(keyIds: readonly string[]): HeadwaterError {
  return new HeadwaterError('HW_SIGNER_REVOKED', {
    message: `it is signed by revoked keys only (${keyIds.join(', ')})`,
    hint: 'Somebody still uses a revoked key. The config in force is kept.',
    details: { keyIds },
  });
}

export function standingError(standing: 'older' | 'conflict', epoch: Epoch): HeadwaterError {
  return standing === 'older'
    ? new HeadwaterError('HW_ROLLBACK', {
        message: `it is of epoch #${epoch.seq}, older than what was accepted before`,
        hint: 'An old message was replayed; it is ignored.',
      })
    : new HeadwaterError('HW_EQUIVOCATION', {
        message: `a second, different message of epoch #${epoch.seq} arrived`,
        hint: 'Two daemons disagree, or a signing key is in the wrong hands. Compare their logs, and revoke the key if in doubt.',
      });
}
