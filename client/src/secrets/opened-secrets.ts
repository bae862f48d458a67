/** What a client knows of the secrets of the document that it holds. */
import type { SealedSecrets } from '@headwater/schemas/protocol';
import type { SecretValues } from './secret-values.ts';

export type OpenedSecrets =
  /** The service has no secrets file. */
  | { readonly state: 'none' }
  | {
      readonly state: 'open';
      readonly values: SecretValues;
      /** Short id of the key that opened the bundle; see `recipientIdOf`. */
      readonly recipient: string;
    }
  | { readonly state: 'unavailable'; readonly problem: SecretsProblem };

/** Why secrets cannot be read, and what to do. Never a value, never a private key. */
export interface SecretsProblem {
  readonly reason: SecretsReason;
  readonly message: string;
  readonly hint: string;
}

export type SecretsReason =
  /** Required, and nobody set it. */
  | 'absent'
  /** The service runs on defaults. */
  | 'no-config'
  /** The service has secrets, and nobody they could be sealed for. */
  | 'no-recipient'
  /** No identity file is configured. */
  | 'no-identity'
  /** The identity file cannot be used. */
  | 'identity-file'
  /** They are sealed for other keys than this service has. */
  | 'other-recipient'
  /** The sealed bundle is broken, or of a kind that is not opened. */
  | 'damaged'
  /** The sealed bundle is of another place or revision. */
  | 'foreign';

/**
 * Opens what a message carries, in memory only.
 * @throws HeadwaterError `HW_SECRETS_FOREIGN` when the bundle is not the one of its message. Whatever else is wrong with it makes
 *   the secrets unavailable and nothing more.
 */
export type OpenSecrets = (secrets: SealedSecrets) => OpenedSecrets;

export const noSecrets: OpenedSecrets = { state: 'none' };

export function unavailable(reason: SecretsReason, message: string, hint: string): OpenedSecrets {
  return { state: 'unavailable', problem: { reason, message, hint } };
}

/** Somebody may put it right while the service runs, without another message from the daemon. */
export function mayHeal({ reason }: SecretsProblem): boolean {
  return reason === 'identity-file' || reason === 'other-recipient';
}
