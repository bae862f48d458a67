/**
 * Guesses which settings hold a secret, before they reach a commit. A guess may ask once too often; what it lets through stays
 * in the history for ever, so doubt means "secret".
 */
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import { credentialIn } from './secret-shapes.ts';
import { wordsOf } from './words.ts';

/** Pointers below `value` that look like secrets, by their name or by what their value is. Values are never returned. */
export function findSecrets(value: JsonValue, path: readonly string[] = []): readonly (readonly string[])[] {
  const name = path.at(-1);
  if (!isObject(value) && !Array.isArray(value)) {
    const isSecret = (name !== undefined && isSecretName(name, value)) || isSecretValue(value);
    return isSecret ? [path] : [];
  }
  // A list under a secret name ("api_keys") is one secret, not one per element.
  if (Array.isArray(value) && name !== undefined && value.length > 0 && isSecretName(name, value[0]))
    return [path];
  return Object.entries(value as object).flatMap(([key, child]) =>
    findSecrets(child as JsonValue, [...path, key]),
  );
}

/** True when a setting of that name, with such a value, most likely holds a secret: `openai_api_key`, not `max_tokens`. */
export function isSecretName(name: string, value: JsonValue | undefined): boolean {
  // Switches ("require_password") and things not set yet tell nobody anything.
  if (typeof value === 'boolean' || value === null || value === '') return false;
  const words = wordsOf(name).map((word) => word.toLowerCase());
  if (about.has(words.at(-1) ?? '')) return false;
  return words.some((word, i) => {
    if (secretWords.has(word)) return true;
    if (word === 'token' || (word === 'tokens' && typeof value === 'string')) return true;
    return (word === 'key' || word === 'keys') && keyKinds.has(words[i - 1] ?? '');
  });
}

/** True for text that is a credential whatever its name: private keys, tokens, addresses with a password. */
export function isSecretValue(value: JsonValue): boolean {
  return typeof value === 'string' && credentialIn(value) !== null;
}

const secretWords: ReadonlySet<string> = new Set([
  ...['password', 'passwords', 'passwd', 'pwd', 'passphrase', 'secret', 'secrets', 'apikey', 'apikeys'],
  ...['credential', 'credentials', 'privatekey', 'authtoken', 'accesstoken'],
]);
const keyKinds: ReadonlySet<string> = new Set([
  ...['api', 'private', 'secret', 'access', 'signing', 'encryption', 'auth', 'account', 'master', 'license'],
]);
/** Last words that say the setting is about a secret and not the secret itself. */
const about: ReadonlySet<string> = new Set([
  ...['file', 'path', 'dir', 'name', 'id', 'ttl', 'limit', 'length', 'count', 'size', 'budget', 'timeout'],
  ...[
    'min',
    'max',
    'ms',
    'sec',
    'seconds',
    'days',
    'hours',
    'enabled',
    'required',
    'header',
    'env',
    'url',
    'type',
  ],
]);
