/**
 * Texts that have the look of a credential, whatever the setting is called. Headwater's own tokens and age identities have a form that
 * nothing else has; for everything else it is a guess, and only a warning.
 */
import { formatPointer, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

export interface FoundCredential {
  readonly pointer: string;
  /** What it is, for a sentence: "a GitHub token". */
  readonly kind: string;
  readonly isCertain: boolean;
}

/** Credentials shown of one file: people mend them a few at a time. */
const maxFound = 20;
/** No credential below is shorter, and most texts of a config are. */
const shortest = 8;
/** Looked at of a long text; keys stand at the beginning of theirs. */
const maxLooked = 4_096;

const certain: readonly (readonly [RegExp, string])[] = [
  [/(?<![A-Za-z0-9])hw_[a-z0-9]{12}_[A-Za-z0-9]{43}(?![A-Za-z0-9])/, 'a Headwater token'],
  [/AGE-SECRET-KEY-(?:PQ-)?1/i, 'an age identity'],
];
const guessed: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/, 'a private key'],
  [/(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])/, 'an AWS access key'],
  [/(?<!\w)(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_\w{40})/, 'a GitHub token'],
  [/(?<!\w)glpat-[\w-]{20}/, 'a GitLab token'],
  [/(?<!\w)xox[abeoprs]-[\w-]{10}/, 'a Slack token'],
  [/(?<!\w)AIza[\w-]{35}/, 'a Google API key'],
  [/(?<!\w)(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16}/, 'a Stripe key'],
  [/(?<!\w)sk-(?:ant-|proj-)?[\w-]{20}/, 'an API key'],
  [/(?<!\w)eyJ[\w-]{10,512}\.eyJ[\w-]{10,2048}\.[\w-]{10}/, 'a signed web token'],
];

/** Every text of a config that looks like a credential, in document order, 20 at most. */
export function findCredentials(config: JsonObject): readonly FoundCredential[] {
  const found: FoundCredential[] = [];
  visit(config, [], found);
  return found;
}

function visit(value: JsonValue, path: (string | number)[], found: FoundCredential[]): void {
  if (found.length >= maxFound) return;
  if (typeof value === 'string') {
    const kind = credentialIn(value);
    if (kind !== null) found.push({ pointer: formatPointer(path), ...kind });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, [...path, index], found);
  } else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) visit(child, [...path, key], found);
  }
}

/** What a text looks like, `null` for ordinary ones. */
export function credentialIn(text: string): { readonly kind: string; readonly isCertain: boolean } | null {
  if (text.length < shortest) return null;
  const looked = text.slice(0, maxLooked);
  const sure = certain.find(([form]) => form.test(looked));
  if (sure) return { kind: sure[1], isCertain: true };
  const guess = guessed.find(([form]) => form.test(looked));
  if (guess) return { kind: guess[1], isCertain: false };
  if (hasPassword(looked)) return { kind: 'an address with a password', isCertain: false };
  return isRandom(text) ? { kind: 'a random key', isCertain: false } : null;
}

/** `scheme://user:password@host`. By hand: a pattern for it takes quadratic time on hostile text. */
function hasPassword(text: string): boolean {
  const start = text.indexOf('://');
  if (start < 0 || !/^[a-z][a-z0-9+.-]{0,30}$/i.test(text.slice(0, start))) return false;
  const rest = text.slice(start + 3);
  const end = rest.search(/[\s/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  const colon = authority.indexOf(':');
  return colon >= 0 && colon < at - 1;
}

/** Hex digests have 4 bits a character at most, words less: more in one piece is drawn by a machine. */
const minBits = 4.25;

function isRandom(text: string): boolean {
  if (text.length < 32 || text.length > 256 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return false;
  const isMixed = [/[a-z]/, /[A-Z]/, /[0-9]/].every((kind) => kind.test(text));
  return isMixed && bitsPerCharacter(text) >= minBits;
}

function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => {
    const share = count / text.length;
    return sum - share * Math.log2(share);
  }, 0);
}
