import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { HeadwaterError, isObject, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import { didYouMean } from './did-you-mean.ts';

/**
 * Reads the file that `headwater enroll` wrote. It holds the service's token, so on POSIX nobody but its owner may read it.
 * @throws HeadwaterError `HW_CONNECTION_FILE`.
 */
export function readConnectionFile(path: string, fields: readonly string[]): Record<string, JsonValue> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw fault(
      `the connection file ${path} cannot be read: ${(cause as Error).message}`,
      'Make one with `headwater enroll <service> --env <env>`, and pass its path.',
      cause,
    );
  }
  try {
    const { mode } = fstatSync(descriptor);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw fault(
        `the connection file ${path} has mode 0${(mode & 0o777).toString(8)}: others may read or change the token in it`,
        `Run: chmod 600 ${path}`,
      );
    }
    return parse(readFileSync(descriptor), path, fields);
  } finally {
    closeSync(descriptor);
  }
}

function parse(bytes: Uint8Array, path: string, fields: readonly string[]): Record<string, JsonValue> {
  let value: JsonValue;
  try {
    value = parseJsonBytes(bytes);
  } catch (cause) {
    const reason = cause instanceof HeadwaterError ? cause.message : 'it is not JSON';
    throw fault(`the connection file ${path} cannot be used: ${reason}`, 'Enroll the service again.', cause);
  }
  if (!isObject(value))
    throw fault(`the connection file ${path} is not a JSON object`, 'Enroll the service again.');
  const unknown = Object.keys(value).find((name) => !fields.includes(name));
  if (unknown !== undefined) {
    const guess = didYouMean(unknown, fields);
    throw fault(
      `the connection file ${path} has a field "${unknown}" that means nothing`,
      guess ? `Did you mean "${guess}"?` : `Known: ${fields.join(', ')}.`,
    );
  }
  return value;
}

function fault(message: string, hint: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('HW_CONNECTION_FILE', {
    message,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
