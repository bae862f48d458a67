/** What is inside a message's `secrets.sealed`, once its age file is opened. Spec: docs/protocol.md §3.4. */
import { utf8 } from './bytes.ts';
import { HeadwaterError } from './errors.ts';
import { FORBIDDEN_KEYS, isObject, maxJsonDepth, parseJsonBytes } from './json.ts';
import { parsePointer } from './pointer.ts';

/** Plaintext. It lives in memory only: never in a message, a file or a log. */
export interface SecretsBundle {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
  /** Equals the message's `secrets.rev`. */
  readonly rev: string;
  /** Secret values by JSON Pointer. */
  readonly values: Readonly<Record<string, string>>;
  /** Filler that hides the size of the values. */
  readonly pad: string;
}

/** Largest secrets of one service: all values together, in bytes. */
export const maxSecretsBytes = 128 * 1024;
/** Largest bundle, in bytes of plaintext: the secrets, their names and the padding. */
export const maxSecretsBundleBytes = 192 * 1024;
/** Most keys that one bundle is sealed for. Each costs a reader that it is not for a tenth of a millisecond. */
export const maxSecretsRecipients = 256;

/**
 * Parses an opened bundle and checks that it is the one the signed message spoke of: age proves who may read, not who wrote.
 * @throws HeadwaterError `HW_SECRETS_FOREIGN` when it is of another place or revision; `HW_JSON_*`, `HW_MESSAGE_TOO_LARGE`,
 *   `HW_MESSAGE_MALFORMED`. No message shows a value.
 */
export function parseSecretsBundle(
  bytes: Uint8Array,
  expected: Pick<SecretsBundle, 'deployment' | 'env' | 'service' | 'rev'>,
): SecretsBundle {
  if (bytes.length > maxSecretsBundleBytes) tooLarge(bytes.length, maxSecretsBundleBytes);
  const value = parseJsonBytes(bytes);
  if (!isObject(value)) return malformed('it is not an object');
  for (const field of ['deployment', 'env', 'service', 'rev'] as const) {
    if (value[field] === expected[field]) continue;
    throw new HeadwaterError('HW_SECRETS_FOREIGN', {
      message: `the sealed secrets name another ${field} than the signed message that carries them`,
      hint: 'Config and secrets in use stay. Somebody who holds a signing key moved a sealed bundle, or a daemon is broken: compare the logs of all daemons.',
      details: { field },
    });
  }
  const { values, pad } = value;
  if (!isObject(values) || !Object.entries(values).every(([path, text]) => isPath(path) && isSecret(text)))
    return malformed('"values" is not a table of pointers and texts');
  const size = Object.values(values).reduce((sum: number, text) => sum + utf8(text as string).length, 0);
  if (size > maxSecretsBytes) tooLarge(size, maxSecretsBytes);
  if (typeof pad !== 'string') return malformed('"pad" is missing');
  return value as unknown as SecretsBundle;
}

const isSecret = (text: unknown): boolean => typeof text === 'string' && text !== '';

function isPath(path: string): boolean {
  try {
    const parts = parsePointer(path);
    return (
      parts.length > 0 && parts.length <= maxJsonDepth && !parts.some((part) => FORBIDDEN_KEYS.has(part))
    );
  } catch {
    return false; // not a pointer
  }
}

function tooLarge(actual: number, allowed: number): never {
  throw new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
    message: `the secrets have ${actual} bytes, expected ${allowed} at most`,
    hint: 'Keep files out of the secrets of a service.',
  });
}

function malformed(reason: string): never {
  throw new HeadwaterError('HW_MESSAGE_MALFORMED', {
    message: `not a secrets bundle: ${reason}`,
    hint: 'The daemon that sealed it is broken, or of another version.',
  });
}
