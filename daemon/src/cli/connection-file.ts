/** The connection file of a service, as commands read and write it. The client library reads the same fields. */
import type { ConnectionFields } from '@headwater/client';
import {
  HeadwaterError,
  isName,
  isObject,
  type JsonObject,
  type JsonValue,
  type Keyring,
  openKeys,
  parseJsonBytes,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { CliContext } from './context.ts';
import { readUserFile } from './user-file.ts';

/** As `enroll` writes it: the key list known then is always there. */
export type ConnectionFile = ConnectionFields & { readonly keys: string };

/** @throws HeadwaterError `HW_USAGE` when it cannot be read, `HW_CONNECTION_FILE` when it is none. */
export async function readConnectionFile(context: CliContext, path: string): Promise<ConnectionFile> {
  const bytes = await readUserFile(context, path);
  let value: JsonValue;
  try {
    value = parseJsonBytes(bytes);
  } catch (cause) {
    throw notOne(path, cause instanceof Error ? cause.message : 'it is not JSON');
  }
  if (!isObject(value)) throw notOne(path, 'it is not an object');
  const wrong = Object.entries(fields).find(([name, check]) => !check(value[name]));
  if (wrong) throw notOne(path, `"${wrong[0]}" is missing or wrong`);
  return value as unknown as ConnectionFile;
}

/** The keys that the file trusts, verified against its roots. @throws HeadwaterError as `openKeys`. */
export function connectionKeys({ trust, keys, deployment }: ConnectionFile): Keyring {
  return openKeys(utf8(keys), { roots: trust, deployment, version: 0 }, nodeCrypto);
}

/** Fields in the order of the contract, absent ones left out. */
export function connectionDocument(connection: ConnectionFile): JsonObject {
  return Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined));
}

type Check = (value: JsonValue | undefined) => boolean;
const isText: Check = (value) => typeof value === 'string' && value !== '';
const isOptionalText: Check = (value) => value === undefined || isText(value);
const isNameText: Check = (value) => typeof value === 'string' && isName(value);

const fields: Readonly<Record<string, Check>> = {
  deployment: isNameText,
  env: isNameText,
  service: isNameText,
  instance: isOptionalText,
  broker: isText,
  ca: isOptionalText,
  token: isText,
  trust: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((key) => /^[0-9a-f]{64}$/.test(String(key))),
  keys: isText,
  identityFile: isOptionalText,
  cacheDir: isOptionalText,
  stateDir: isOptionalText,
};

function notOne(path: string, reason: string): HeadwaterError {
  return new HeadwaterError('HW_CONNECTION_FILE', {
    message: `${path} is not a connection file: ${reason}`,
    hint: 'Make one with `headwater enroll`.',
  });
}
