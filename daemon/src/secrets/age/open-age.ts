import { isHeadwaterError } from '@headwater/schemas/protocol';
import { Decrypter, type Stanza } from 'age-encryption';
import { ageFileError } from './age-file-error.ts';
import { readAgeHeader } from './age-header.ts';
import type { Identity } from './identity.ts';

/**
 * Opens an armored age file.
 * @param maxBytes Longest armored text.
 * @returns `null` when it is for none of the identities.
 * @throws HeadwaterError `HW_AGE_FILE`, `HW_AGE_PASSPHRASE`.
 */
export async function openAge(
  armored: string,
  identities: readonly Identity[],
  maxBytes: number,
): Promise<Uint8Array | null> {
  const { file } = readAgeHeader(armored, maxBytes);
  let isForUs = false;
  const decrypter = new Decrypter();
  decrypter.addIdentity({
    unwrapFileKey(stanzas: Stanza[]) {
      for (const identity of identities) {
        const fileKey = identity.unwrapFileKey(stanzas);
        isForUs = fileKey !== null;
        if (isForUs) return fileKey;
      }
      return null;
    },
  });
  try {
    return await decrypter.decrypt(file);
  } catch (error) {
    if (isHeadwaterError(error)) throw error;
    // Once the file key was unwrapped, whatever is wrong is wrong with the file. The library's words may quote it, so they are not kept.
    if (isForUs) throw ageFileError('it is damaged or cut off, or somebody changed it');
    if (error instanceof Error && error.message.startsWith('no identity matched')) return null;
    throw ageFileError('its header is damaged');
  }
}
