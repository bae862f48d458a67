/** What is inside a message's `secrets.sealed`, once its age file is opened. Spec: docs/protocol.md §3.4. */
import { HeadwaterError } from './errors.ts';
import { isObject, parseJsonBytes } from './json.ts';
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

/** Largest bundle, in bytes of plaintext: 128 KiB of secrets, their names and the padding. */
export const maxSecretsBundleBytes = 192 * 1024;

/**
 * Parses an opened bundle and checks that it is the one the signed message spoke of: age proves who may read, not who wrote.
 * @throws HeadwaterError `HW_JSON_*`, `HW_MESSAGE_TOO_LARGE`, `HW_MESSAGE_MALFORMED`, `HW_MESSAGE_WRONG_TARGET`. No message
 *   shows a value.
 */
export function parseSecretsBundle(
  bytes: Uint8Array,
  expected: Pick<SecretsBundle, 'deployment' | 'env' | 'service' | 'rev'>,
): SecretsBundle {
  if (bytes.length > maxSecretsBundleBytes) {
    throw new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
      message: `the secrets have ${bytes.length} bytes, expected ${maxSecretsBundleBytes} at most`,
      hint: 'Keep files out of the secrets of a service.',
    });
  }
  const value = parseJsonBytes(bytes);
  if (!isObject(value)) return malformed('it is not an object');
  for (const field of ['deployment', 'env', 'service', 'rev'] as const) {
    if (value[field] === expected[field]) continue;
    throw new HeadwaterError('HW_MESSAGE_WRONG_TARGET', {
      message: `the sealed secrets name another ${field} than the message that carries them`,
      hint: 'A sealed bundle was moved between messages; the secrets held before stay in use.',
      details: { field },
    });
  }
  const { values, pad } = value;
  if (!isObject(values) || !Object.entries(values).every(([path, text]) => isPath(path) && isSecret(text)))
    return malformed('"values" is not a table of pointers and texts');
  if (typeof pad !== 'string') return malformed('"pad" is missing');
  return value as unknown as SecretsBundle;
}

const isSecret = (text: unknown): boolean => typeof text === 'string' && text !== '';

function isPath(path: string): boolean {
  try {
    return parsePointer(path).length > 0;
  } catch {
    return false; // not a pointer
  }
}

function malformed(reason: string): never {
  throw new HeadwaterError('HW_MESSAGE_MALFORMED', {
    message: `not a secrets bundle: ${reason}`,
    hint: 'The secrets held before stay in use.',
  });
}
