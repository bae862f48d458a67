/** The recipients file of a service: who can open its sealed secrets. */
import { isHeadwaterError, maxSecretsRecipients } from '@headwater/schemas/protocol';
import { parseRecipient } from '../secrets/age/recipient.ts';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import { tooLarge } from './parse-config.ts';
import { parseRecipients } from './recipients.ts';

export interface JudgedRecipients {
  readonly recipients: readonly string[];
  readonly findings: readonly Finding[];
}

/** Rejects with what `readBlob` throws, except for `HW_FILE_TOO_LARGE`. */
export async function judgeRecipients(
  { service, env, recipients: file }: ServiceInputs,
  readBlob: ReadBlob,
): Promise<JudgedRecipients> {
  if (file === null) return { recipients: [], findings: [] };
  const finding = (found: Pick<Finding, 'code' | 'message' | 'hint' | 'line'>): Finding => ({
    severity: 'error',
    file: file.path,
    pointer: '',
    ...found,
    service,
    env,
  });
  const bytes = await readWithin(readBlob, file.oid);
  if (bytes === null) return { recipients: [], findings: [finding(tooLarge())] };
  const text = Buffer.from(bytes).toString('utf8');
  const { recipients, badLines } = parseRecipients(text);
  const lines = text.split('\n').map((line) => line.trim());
  const useless = recipients.filter((key) => !canSealFor(key)).map((key) => lines.indexOf(key) + 1);
  const hint = 'One age public key (age1…) per line; "#" starts a comment.';
  const message = 'this line is not an age public key';
  const findings = [...badLines, ...useless].map((line) =>
    finding({ code: 'HW_KEY_INVALID', message, hint, line }),
  );
  if (recipients.length > maxSecretsRecipients) {
    const many = `${recipients.length} recipients, expected ${maxSecretsRecipients} at most`;
    const fewer = 'Remove those that are gone, or let instances share an identity.';
    findings.push(finding({ code: 'HW_KEY_INVALID', message: many, hint: fewer }));
  }
  return { recipients, findings };
}

/** False for a mistyped key, and for one of small order, with which anybody could read along: nothing could be published then. */
function canSealFor(recipient: string): boolean {
  try {
    parseRecipient(recipient).wrapFileKey(new Uint8Array(16));
    return true;
  } catch (error) {
    if (isHeadwaterError(error, 'HW_KEY_INVALID')) return false;
    throw error;
  }
}
