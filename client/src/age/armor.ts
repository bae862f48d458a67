/** age's ASCII armor: strict base64 in lines of 64 between two marker lines. White space around it is allowed. */
import { AgeError } from './age-error.ts';

const begin = '-----BEGIN AGE ENCRYPTED FILE-----';
const end = '-----END AGE ENCRYPTED FILE-----';
const lineLength = 64;

/** @throws AgeError `armor`. */
export function decodeArmor(text: string): Uint8Array {
  const lines = text
    .replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
    .split('\n')
    .map((line, i, all) => (i < all.length - 1 && line.endsWith('\r') ? line.slice(0, -1) : line));
  const body = lines.slice(1, -1);
  const isWhole =
    lines.length >= 2 &&
    lines[0] === begin &&
    lines.at(-1) === end &&
    body.every((line, i) => (i < body.length - 1 ? line.length === lineLength : fitsLast(line)));
  return (isWhole ? decodeBase64(body.join(''), true) : null) ?? fail();
}

const fitsLast = (line: string): boolean => line.length > 0 && line.length <= lineLength;

/** Bytes of canonical base64, or `null`. @param isPadded Whether "=" fills the last group or is left out. */
export function decodeBase64(text: string, isPadded: boolean): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  const canonical = bytes.toString('base64');
  // Buffer skips what is no base64; writing it again shows whether anything was skipped.
  return (isPadded ? canonical : canonical.replace(/=+$/, '')) === text ? bytes : null;
}

function fail(): never {
  throw new AgeError('armor');
}
