/**
 * Files that hold age identities, in the form that `age-keygen` writes: comments, and one `AGE-SECRET-KEY-1…` a line. The first one is
 * in use; further ones are older and still open what was made for them.
 */
import { identityToRecipient } from 'age-encryption';
import { badKey, isPlaceholder, readPrivateText } from './key-file.ts';

export interface AgeIdentities {
  /** `AGE-SECRET-KEY-1…`, never empty. Never logged. */
  readonly identities: readonly string[];
  /** Their public keys, in the same order. */
  readonly recipients: readonly string[];
}

/** Comments included; some twenty keys. */
const maxBytes = 4096;

/**
 * Reads an identity file.
 * @returns `null` when there is none.
 * @throws HeadwaterError `HW_KEY_FILE`, naming the file and never its content.
 */
export async function readIdentityFile(path: string): Promise<AgeIdentities | null> {
  const text = await readPrivateText(path, maxBytes);
  if (text === null) return null;
  const lines = text.split('\n').map((line) => line.trim());
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length === 0) throw badKey(path, 'holds no age identity', identityHint);
  const recipients = await Promise.all(identities.map((identity) => recipientIn(path, identity)));
  return { identities, recipients };
}

/** A new identity would open nothing that was made for the lost one. */
export const identityHint =
  'Put the file back from a backup. Without one, remove it together with the file that ends in ".recipient": the next start makes a ' +
  'new identity, and every secret has to be set again for it.';

async function recipientIn(path: string, identity: string): Promise<string> {
  const bytes = bytesOf(identity);
  if (bytes === null) throw badKey(path, 'holds a line that is no age identity', identityHint);
  if (isPlaceholder(bytes)) throw badKey(path, 'holds a placeholder that anyone can guess', identityHint);
  try {
    return await identityToRecipient(identity);
  } catch {
    // The library's own words might quote the line.
    throw badKey(path, 'holds an age identity with a wrong checksum', identityHint);
  }
}

const bech32 = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L';

/** The 32 bytes of an identity, its checksum unchecked; `null` for anything else. */
function bytesOf(identity: string): Uint8Array | null {
  const data = /^AGE-SECRET-KEY-1([AC-HJ-NP-Z02-9]{52})[AC-HJ-NP-Z02-9]{6}$/.exec(identity)?.[1];
  if (data === undefined) return null;
  const bits = [...data].map((digit) => bech32.indexOf(digit).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2));
}
