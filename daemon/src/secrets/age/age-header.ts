/** What an armored age file says of itself before anything is decrypted. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { armor } from 'age-encryption';
import { ageFileError } from './age-file-error.ts';

/** Most recipients of one age file. Each may have to be tried. */
export const maxAgeStanzas = 64;

export interface AgeHeader {
  /** The file without its armor. */
  readonly file: Uint8Array;
  /** Kind of each stanza: "X25519". */
  readonly kinds: readonly string[];
}

/**
 * Takes off the armor and bounds the work that opening the file can cause.
 * @param maxBytes Longest armored text, in UTF-16 units.
 * @throws HeadwaterError `HW_AGE_FILE` (too large, cut off, malformed, too many stanzas), `HW_AGE_PASSPHRASE` (its work factor would be
 *   the writer's choice).
 */
export function readAgeHeader(armored: string, maxBytes: number): AgeHeader {
  if (armored.length > maxBytes)
    throw ageFileError(`it has ${armored.length} bytes, expected ${maxBytes} at most`);
  const file = unarmor(armored);
  const kinds = stanzaKinds(Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1'));
  if (kinds.length > maxAgeStanzas) {
    throw ageFileError(`it is for ${kinds.length} recipients, expected ${maxAgeStanzas} at most`);
  }
  if (kinds.includes('scrypt')) {
    throw new HeadwaterError('HW_AGE_PASSPHRASE', {
      message: 'the age file is encrypted with a passphrase',
      hint: 'Encrypt it for public keys (age1…).',
    });
  }
  return { file, kinds };
}

function unarmor(armored: string): Uint8Array {
  try {
    return armor.decode(armored);
  } catch {
    // The library's words may quote what it did not expect.
    throw ageFileError('its armor is damaged or cut off');
  }
}

function stanzaKinds(text: string): string[] {
  const end = text.indexOf('\n--- ');
  if (!text.startsWith('age-encryption.org/v1\n')) throw ageFileError('it is not an age file of version 1');
  if (end < 0) throw ageFileError('its header is damaged or cut off');
  const lines = text.slice(0, end).split('\n');
  const kinds = lines.flatMap((line) => (line.startsWith('-> ') ? [line.split(' ')[1] ?? ''] : []));
  if (kinds.length === 0) throw ageFileError('it is for nobody');
  return kinds;
}
