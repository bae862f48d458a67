import { isHeadwaterError } from '@headwater/schemas/protocol';
import { maxFileBytes } from './parse-config.ts';

/** Reads a blob. @throws HeadwaterError `HW_FILE_TOO_LARGE` above `maxBytes`. */
export type ReadBlob = (oid: string, maxBytes: number) => Promise<Uint8Array>;

/** A file of the repository, or `null` when it is larger than any file may be. Throws what else `readBlob` throws. */
export async function readWithin(readBlob: ReadBlob, oid: string): Promise<Uint8Array | null> {
  try {
    return await readBlob(oid, maxFileBytes);
  } catch (error) {
    if (isHeadwaterError(error, 'HW_FILE_TOO_LARGE')) return null;
    throw error;
  }
}
