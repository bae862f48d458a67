/** The key list at start: the connection file's or the cached one, whichever is newer. Both are anchored in the trusted roots. */
import {
  type CryptoBackend,
  equalBytes,
  HeadwaterError,
  type Keyring,
  openKeys,
  utf8,
} from '@headwater/schemas/protocol';
import { readWhole } from './durable-file.ts';

export interface KeyListOptions {
  readonly deployment: string;
  /** Root keys of the connection file. */
  readonly roots: readonly string[];
  readonly crypto: CryptoBackend;
  readonly onTrouble: (error: HeadwaterError) => void;
}

const maxKeyListBytes = 1024 * 1024;

/**
 * @param text `keys` envelope of the connection file.
 * @param path Of the cached list; `null` when there is no cache.
 * @param version Highest version this service has seen.
 */
export function newestKeyring(
  text: string | null,
  path: string | null,
  version: number,
  options: KeyListOptions,
): Keyring | null {
  const given = text === null ? null : openKeyList(utf8(text), options);
  const cached = path === null ? null : readCachedKeys(path, options, given);
  const newest = (cached?.version ?? 0) > (given?.version ?? 0) ? cached : given;
  if (newest && newest.version < version) {
    options.onTrouble(
      new HeadwaterError('HW_ROLLBACK', {
        message: `the cached key list has version ${newest.version}, this service has already seen ${version}`,
        hint: 'Someone put an old file back. The newest list is fetched from the broker.',
      }),
    );
  }
  return newest;
}

/**
 * The cached list, or `null` when there is none that verifies.
 * @param known A list verified before: the very same bytes need no second look.
 */
export function readCachedKeys(
  path: string,
  options: KeyListOptions,
  known: Keyring | null = null,
): Keyring | null {
  let bytes: Uint8Array | null;
  try {
    bytes = readWhole(path, maxKeyListBytes);
  } catch (cause) {
    options.onTrouble(
      new HeadwaterError('HW_LKG_CORRUPT', {
        message: `the cached key list ${path} cannot be read`,
        hint: 'The list in the connection file is used until the broker sends the newest.',
        cause,
      }),
    );
    return null;
  }
  if (bytes && known && equalBytes(bytes, known.envelope)) return known;
  return bytes && openKeyList(bytes, options);
}

function openKeyList(bytes: Uint8Array, options: KeyListOptions): Keyring | null {
  const { roots, deployment, crypto, onTrouble } = options;
  try {
    return openKeys(new Uint8Array(bytes), { roots, deployment, version: 0 }, crypto);
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    onTrouble(error);
    return null;
  }
}
