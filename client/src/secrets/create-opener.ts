import {
  type CryptoBackend,
  HeadwaterError,
  isHeadwaterError,
  maxSecretsRecipients,
  parseSecretsBundle,
  recipientIdOf,
  type SealedSecrets,
} from '@headwater/schemas/protocol';
import { AgeError, type AgeFault } from '../age/age-error.ts';
import { decodeArmor } from '../age/armor.ts';
import type { Identity } from '../age/identity.ts';
import { type OpenedAge, openAge } from '../age/open-age.ts';
import { readIdentities } from './identity-file.ts';
import { type OpenedSecrets, type OpenSecrets, unavailable } from './opened-secrets.ts';
import { SecretValues } from './secret-values.ts';

export interface OpenerOptions {
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  /** `null`: none is configured. */
  readonly identityFile: string | null;
  readonly crypto: CryptoBackend;
}

/** The largest bundle with the most recipients, in the characters of its armor. */
const maxSealedLength = 320 * 1024;

/** Opens sealed bundles with the identities of a file. Nothing is read or loaded before there is something to open. */
export function createSecretsOpener({ target, identityFile, crypto }: OpenerOptions): OpenSecrets {
  const { service, env } = target;
  const enroll = `headwater enroll ${service} --env ${env}`;

  return (secrets) => {
    const { sealed, recipients, rev } = secrets;
    if (sealed === null) {
      const message = 'the secrets are not sealed for anybody: the service has no recipient';
      return unavailable('no-recipient', message, `Enroll the service: ${enroll}`);
    }
    if (identityFile === null) {
      const hint =
        'Set identityFile, or HEADWATER_IDENTITY_FILE, to the identity that `headwater enroll` wrote.';
      return unavailable('no-identity', 'this service has no identity to open them with', hint);
    }
    let identities: readonly Identity[];
    try {
      identities = listedFirst(readIdentities(identityFile), recipients);
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      return unavailable('identity-file', error.message, error.hint ?? '');
    }
    try {
      const { plaintext, identity } = openSealed(sealed, identities);
      const { values } = readBundle(plaintext, { ...target, rev });
      const recipient = recipientIdOf(identity.recipient, crypto);
      return { state: 'open', values: new SecretValues(Object.entries(values)), recipient };
    } catch (error) {
      return explain(error, secrets, identities, `${enroll} --rotate`);
    }
  };
}

/** An identity whose public key the message names opens the bundle most probably. */
function listedFirst(identities: readonly Identity[], recipients: readonly string[]): readonly Identity[] {
  const isListed = ({ recipient }: Identity) => recipients.includes(recipient);
  return [...identities.filter(isListed), ...identities.filter((one) => !isListed(one))];
}

function openSealed(sealed: string, identities: readonly Identity[]): OpenedAge {
  if (sealed.length > maxSealedLength) throw new AgeError('armor');
  return openAge(decodeArmor(sealed), identities, maxSecretsRecipients);
}

function readBundle(plaintext: Uint8Array, expected: Parameters<typeof parseSecretsBundle>[1]) {
  try {
    return parseSecretsBundle(plaintext, expected);
  } finally {
    plaintext.fill(0);
  }
}

const faults: Record<Exclude<AgeFault, 'no-match'>, string> = {
  armor: 'its armor is damaged',
  header: 'its header is damaged',
  scrypt: 'it is sealed with a passphrase',
  stanzas: `it is sealed for more than ${maxSecretsRecipients} keys`,
  mac: 'its header was changed',
  payload: 'its content is damaged',
};

function explain(
  error: unknown,
  { recipients }: SealedSecrets,
  identities: readonly Identity[],
  rotate: string,
): OpenedSecrets {
  if (isHeadwaterError(error, 'HW_SECRETS_FOREIGN')) throw error;
  if (error instanceof AgeError && error.fault === 'no-match') {
    const own = identities.map(({ recipient }) => recipient);
    const message = `the secrets are sealed for ${shown(recipients)}, and this service has ${shown(own)}`;
    const hint = `Use the identity file of this service and environment, or enroll it again: ${rotate}`;
    return unavailable('other-recipient', message, hint);
  }
  const isOurs = error instanceof AgeError || error instanceof HeadwaterError;
  if (!isOurs) throw error;
  const reason = error instanceof AgeError ? faults[error.fault as keyof typeof faults] : contentFault(error);
  const hint = 'Look at the log of the daemon; the next change of a secret or recipient seals them anew.';
  return unavailable('damaged', `the sealed secrets do not open: ${reason}`, hint);
}

/** The words of the JSON reader name keys, and in a broken bundle anything may stand where a key belongs. */
const contentFault = ({ code, message }: HeadwaterError): string =>
  code.startsWith('HW_JSON_') ? `its content is no bundle (${code})` : message;

/** Public keys, shortened: enough to tell them apart. */
function shown(recipients: readonly string[]): string {
  const first = recipients.slice(0, 3).map((one) => `${one.slice(0, 16)}…`);
  const rest = recipients.length - first.length;
  if (first.length === 0) return 'nobody';
  return `${first.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
