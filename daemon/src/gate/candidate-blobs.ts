/**
 * Blobs of candidates: what was not committed yet, or lies in the quarantine of a push. They stand in front of the repository while a
 * candidate is judged, so that one judge, with one set of caches, serves commits and candidates alike. Objects are named by their
 * content, so nothing that is looked up here can be taken for something else.
 */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { ReadBlob } from '../core/files.ts';
import type { ObjectId } from '../ports.ts';

/** New blobs by id, or a way to read them. */
export type CandidateSource = ReadonlyMap<ObjectId, Uint8Array> | ReadBlob;

export class CandidateBlobs {
  readonly #repository: ReadBlob;
  readonly #sources = new Set<ReadBlob>();

  constructor(repository: ReadBlob) {
    this.#repository = repository;
  }

  /** Reads from the repository, then from the candidates that are being judged. Rejects as the repository does. */
  readonly read: ReadBlob = async (oid, maxBytes) => {
    try {
      return await this.#repository(oid, maxBytes);
    } catch (error) {
      if (this.#sources.size === 0 || !isHeadwaterError(error, 'HW_OBJECT_MISSING')) throw error;
      return this.#readCandidate(oid, maxBytes, error);
    }
  };

  /** Makes the blobs of `source` readable while `job` runs. */
  async during<T>(source: CandidateSource | undefined, job: () => Promise<T>): Promise<T> {
    if (source === undefined) return job();
    const read = typeof source === 'function' ? source : blobIn(source);
    this.#sources.add(read);
    try {
      return await job();
    } finally {
      this.#sources.delete(read);
    }
  }

  async #readCandidate(oid: ObjectId, maxBytes: number, missing: unknown): Promise<Uint8Array> {
    for (const read of this.#sources) {
      try {
        return await read(oid, maxBytes);
      } catch (error) {
        if (!isHeadwaterError(error, 'HW_OBJECT_MISSING')) throw error;
      }
    }
    throw missing;
  }
}

function blobIn(blobs: ReadonlyMap<ObjectId, Uint8Array>): ReadBlob {
  return async (oid, maxBytes) => {
    const bytes = blobs.get(oid);
    if (bytes === undefined)
      throw new HeadwaterError('HW_OBJECT_MISSING', {
        message: `the repository has no object ${oid}`,
        hint: 'This is a bug: a candidate names a file that it does not bring along.',
      });
    if (bytes.length > maxBytes)
      throw new HeadwaterError('HW_FILE_TOO_LARGE', {
        message: `the file has ${bytes.length} bytes, at most ${maxBytes} are read`,
        hint: 'Keep large data elsewhere and configure where it lies.',
      });
    return bytes;
  };
}
