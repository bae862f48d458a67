import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const idAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const secretAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 43 of 62 characters: 256 bits, so a plain SHA-256 of it cannot be guessed back and needs no slow hash. */
const secretLength = 43;
const idLength = 12;

export interface Token {
  readonly id: string;
  readonly secret: string;
}

export function newToken(): Token {
  return { id: randomText(idAlphabet, idLength), secret: randomText(secretAlphabet, secretLength) };
}

export function formatToken(token: Token): string {
  return `hw_${token.id}_${token.secret}`;
}

/** `null` for anything else than `hw_<id>_<secret>`. */
export function parseToken(text: string): Token | null {
  const match = /^hw_([a-z0-9]{12})_([A-Za-z0-9]{43})$/.exec(text);
  return match === null ? null : { id: match[1] as string, secret: match[2] as string };
}

/** SHA-256 of a secret, 64 hex digits. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in constant time; an unknown token (`null`) costs the same as a known one. */
export function matchesHash(secret: string, hash: string | null): boolean {
  const expected = Buffer.from(hash ?? '00'.repeat(32), 'hex');
  const actual = Buffer.from(hashOf(secret), 'hex');
  return expected.length === actual.length && timingSafeEqual(expected, actual) && hash !== null;
}

/** Draws again instead of taking a remainder, which would prefer the first letters. */
function randomText(alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
