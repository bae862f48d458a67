/** The pieces of an enrollment: texts of its files, and the recipient's place in the repository. Pure but for the randomness. */
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { parseRecipients, withoutRecipient } from '../core/recipients.ts';

export interface AgeIdentity {
  /** `AGE-SECRET-KEY-1…`. Never logged. */
  readonly identity: string;
  /** `age1…`, public. */
  readonly recipient: string;
}

export async function makeIdentity(): Promise<AgeIdentity> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/**
 * The form that `age-keygen` writes, so that `age -d -i` takes it.
 * @param old Text of the file before: its newest identity goes on opening what is not sealed for the new one yet. Older ones go.
 */
export function identityFileText({ identity, recipient }: AgeIdentity, now: Date, old?: string): string {
  const text = `# created: ${now.toISOString()}\n# public key: ${recipient}\n${identity}\n`;
  const before = old?.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-1'));
  return before === undefined
    ? text
    : `${text}# the one before, until nothing is sealed for it any more\n${before.trim()}\n`;
}

/** Public key of an identity file, `null` when it holds none. */
export async function recipientOf(identityFile: string): Promise<string | null> {
  const identity = identityFile.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-1'));
  return identity === undefined ? null : identityToRecipient(identity.trim());
}

export interface RecipientsChange {
  /** Text of the recipients file in force now; "" when there is none. */
  readonly before: string;
  readonly add: string;
  /** Public key that `add` takes the place of. */
  readonly replace: string | null;
  /** Who it is, for the comment. */
  readonly label: string;
}

/** The recipients file with one more key; everybody who could open the secrets before still can, but for the replaced one. */
export function changeRecipients({ before, add, replace, label }: RecipientsChange): string {
  const now = before.replace(/\n+$/, '');
  const text = replace === null ? now : withoutRecipient(now, replace);
  if (parseRecipients(text).recipients.includes(add)) return `${text}\n`;
  return `${text === '' ? '' : `${text}\n`}# ${label}\n${add}\n`;
}
