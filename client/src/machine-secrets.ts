/** Which secrets belong to a document: they are opened once per revision, and switch together with the config. */
import { HeadwaterError, type OpenedMessage } from '@headwater/schemas/protocol';
import type { Held } from './machine-state.ts';
import { hasRevokedSecrets, refuse, type Step } from './machine-step.ts';
import { mayHeal, noSecrets, type OpenedSecrets, unavailable } from './secrets/opened-secrets.ts';

type Document = OpenedMessage<'snapshot' | 'diff'>;
type HeldSecrets = Pick<Held, 'secrets' | 'opened' | 'secretsEnvelope' | 'secretsSigners'>;

/** @param bytes The message's own. @throws HeadwaterError `HW_SECRETS_FOREIGN`. */
export function secretsOf(run: Step, { payload, signers }: Document, bytes: Uint8Array): HeldSecrets {
  const { held } = run.state;
  const own = payload.secrets;
  const carried = { secretsEnvelope: bytes, secretsSigners: signers };
  if (own === null) return { secrets: null, opened: noSecrets, ...carried };
  // A revision is opened once, and the copy on disk keeps the very bundle that opened: another replica's bytes may not.
  if (held !== null && (own === 'unchanged' || isOpen(run, held, own.rev))) {
    const { secrets, opened, secretsEnvelope, secretsSigners } = held;
    return { secrets, opened, secretsEnvelope, secretsSigners };
  }
  if (own === 'unchanged') throw new Error('a diff was taken without its base');
  return { secrets: own, opened: run.deps.openSecrets(own), ...carried };
}

function isOpen({ state }: Step, held: Held, rev: string): boolean {
  return held.rev === rev && held.opened.state === 'open' && !hasRevokedSecrets(state, held);
}

/** True when a message that says nothing else brings another bundle in place of one that did not open. */
export function bringsSecrets({ state }: Step, { payload }: Document): boolean {
  const { held } = state;
  if (held?.opened.state !== 'unavailable' || payload.kind !== 'snapshot') return false;
  const sealed = payload.secrets?.sealed ?? null;
  return sealed !== null && sealed !== held.secrets?.sealed;
}

/** Tries again what did not open for a reason on this machine: somebody may have put the identity file right. */
export function retrySecrets(run: Step): void {
  const { held } = run.state;
  if (held?.secrets == null || held.opened.state !== 'unavailable' || !mayHeal(held.opened.problem)) return;
  const opened = reopen(run, held);
  if (opened === null) return;
  const next = { ...held, opened };
  run.state.held = next;
  run.effects.push({ type: 'applied', held: next });
}

/** `null`: as it was. */
function reopen(run: Step, held: Held): OpenedSecrets | null {
  if (held.secrets === null) return null;
  try {
    const opened = run.deps.openSecrets(held.secrets);
    if (opened.state !== 'open') return null;
    const problem = run.deps.check(held.config, opened);
    if (problem === null) return opened;
    return unavailable(
      'damaged',
      `they do not fit the schema of this service: ${problem}`,
      'Set the secret again.',
    );
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    refuse(run, 'snapshot', error, held.epoch);
    return unavailable('foreign', error.message, error.hint ?? '');
  }
}
