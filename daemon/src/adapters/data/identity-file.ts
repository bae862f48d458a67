/**
 * Files that hold age identities, in the form that `age-keygen` writes: comments, and one `AGE-SECRET-KEY-1…` a line. The first one is
 * in use; further ones are older and still open what was made for them.
 */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { type Identity, parseIdentityFile } from '../../secrets/age/identity.ts';
import { badKey, isPlaceholder, readPrivateText } from './key-file.ts';

/** Comments included; some twenty keys. */
const maxBytes = 4096;

/**
 * Reads an identity file.
 * @returns At least one identity; `null` when there is no such file.
 * @throws HeadwaterError `HW_KEY_FILE`, naming the file and never its content.
 */
export async function readIdentityFile(path: string): Promise<readonly Identity[] | null> {
  const text = await readPrivateText(path, maxBytes);
  if (text === null) return null;
  if (text.split('\n').some((line) => isGuessable(line.trim())))
    throw badKey(path, 'holds a placeholder that anyone can guess', identityHint);
  try {
    return parseIdentityFile(text);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_KEY_FILE')) throw error;
    throw badKey(path, `cannot be used: ${error.message}`, identityHint);
  }
}

/** A new identity would open nothing that was made for the lost one. */
export const identityHint =
  'Put the file back from a backup. Without one, remove it together with the file that ends in ".recipient": the next start makes a ' +
  'new identity, and every secret has to be set again for it.';

const bech32 = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L';

/** Looks at the 32 bytes behind the digits; whether they are an identity is for others to say. */
function isGuessable(line: string): boolean {
  const data = /^AGE-SECRET-KEY-1([AC-HJ-NP-Z02-9]{52})[AC-HJ-NP-Z02-9]{6}$/.exec(line)?.[1];
  if (data === undefined) return false;
  const bits = [...data].map((digit) => bech32.indexOf(digit).toString(2).padStart(5, '0')).join('');
  return isPlaceholder(
    Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2)),
  );
}
