import { HeadwaterError } from '@headwater/schemas/protocol';

/** Splits the path of a file to write into its parts. @throws HeadwaterError `HW_NAME_INVALID` for one no checkout is safe with. */
export function checkEditPath(path: string): string[] {
  const parts = path.split('/');
  if (Buffer.byteLength(path) <= maxPathBytes && parts.every(isSafePart)) return parts;
  throw new HeadwaterError('HW_NAME_INVALID', {
    message: `${JSON.stringify(path.slice(0, 200))} is not a path that can be written`,
    hint: 'Use a relative path such as "services/stt/config.json", without empty parts, "..", ".git", backslashes or control characters.',
  });
}

const maxPathBytes = 4096;

function isSafePart(part: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (part === '' || part === '.' || part === '..' || /[\\:\u0000-\u001f\u007f\ufffd]/.test(part))
    return false;
  // Lone surrogates would be written as other bytes than were asked for.
  if (Buffer.from(part, 'utf8').toString('utf8') !== part) return false;
  // macOS ignores these characters in file names, Windows dots and spaces at the end and short names: all of them are ".git".
  const plain = part
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();
  return plain !== '.git' && plain !== 'git~1' && plain !== '';
}
