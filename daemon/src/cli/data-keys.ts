import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HeadwaterError,
  type Keyring,
  openKeys,
  parseEnvelope,
  parsePayload,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { DataFolder } from '../adapters/data/data-folder.ts';

/**
 * The public keys of the daemon of this data folder. No private key is read: the list names its roots itself, and what stands in
 * the private folder of the daemon is its word.
 * @throws HeadwaterError `HW_DAEMON_NOT_RUNNING` before the daemon's first start, `HW_KEY_FILE` when the list is damaged.
 */
export async function readDataKeys(folder: DataFolder): Promise<Keyring> {
  const file = join(folder.keysDir, 'keys.envelope');
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw damaged(file, cause);
    throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
      message: `${folder.path} has no keys yet: its daemon never finished a first start`,
      hint: `Start it: headwater serve --data ${folder.path}`,
      cause,
    });
  }
  try {
    const { roots, deployment } = parsePayload('keys', parseEnvelope(bytes).payload);
    return openKeys(bytes, { roots, deployment, version: 0 }, nodeCrypto);
  } catch (cause) {
    throw damaged(file, cause);
  }
}

function damaged(file: string, cause: unknown): HeadwaterError {
  return new HeadwaterError('HW_KEY_FILE', {
    message: `the key list ${file} cannot be used: ${cause instanceof Error ? cause.message : 'unknown error'}`,
    hint: 'Put the file back from a backup.',
    cause,
  });
}
