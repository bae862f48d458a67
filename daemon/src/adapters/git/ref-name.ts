import { HeadwaterError } from '@headwater/schemas/protocol';

/** Bytes of a ref name: leaves room for it, encoded, in the name of a lock record. */
export const maxRefNameBytes = 120;

/** True for "HEAD" and for full names that git accepts below "refs/". Such a name cannot leave the git folder. */
export function isRefName(ref: string): boolean {
  if (ref === 'HEAD') return true;
  if (!ref.startsWith('refs/') || Buffer.byteLength(ref) > maxRefNameBytes) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\.$/.test(ref)) return false;
  const parts = ref.split('/');
  return (
    parts.length >= 3 &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  );
}

/** @throws HeadwaterError `HW_NAME_INVALID`. */
export function checkRefName(ref: string): void {
  if (isRefName(ref)) return;
  throw new HeadwaterError('HW_NAME_INVALID', {
    message: `${JSON.stringify(ref.slice(0, 200))} is not the full name of a branch`,
    hint: 'Write it out, for example "refs/heads/main": no spaces, no "..", no "~^:?*[\\", at most 120 bytes.',
  });
}
