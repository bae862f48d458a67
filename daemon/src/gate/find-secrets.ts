/**
 * Finds what must never be in a repository: tokens of Headwater and secret keys of age. Both have a form of their own, so nothing is
 * guessed and nothing else is taken for them.
 */

export interface FoundSecret {
  readonly kind: 'token' | 'age-key';
  /** The part of a token that is no secret, by which it is revoked. */
  readonly tokenId?: string;
}

const tokenStart = Buffer.from('hw_', 'latin1');
const tokenLength = 'hw_'.length + 12 + 1 + 43;
const ageStart = Buffer.from('AGE-SECRET-KEY-', 'latin1');

/** The first secret in these bytes, or `null`. Text in UTF-16, as some shells write it, is found too. */
export function findSecret(content: Uint8Array): FoundSecret | null {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  return findIn(bytes) ?? (bytes.includes(0) ? findIn(bytes.filter((byte) => byte !== 0)) : null);
}

function findIn(bytes: Uint8Array): FoundSecret | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.includes(ageStart)) return { kind: 'age-key' };
  for (let at = buffer.indexOf(tokenStart); at >= 0; at = buffer.indexOf(tokenStart, at + 1)) {
    const match = /^hw_([a-z0-9]{12})_[A-Za-z0-9]{43}$/.exec(buffer.toString('latin1', at, at + tokenLength));
    if (match?.[1] !== undefined) return { kind: 'token', tokenId: match[1] };
  }
  return null;
}
