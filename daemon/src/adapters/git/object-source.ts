import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ObjectId } from '../../ports.ts';
import type { ObjectKind, RawObject } from './git-objects.ts';

/** Gives an object's bytes by id, verified against the id. */
export interface ObjectSource {
  /** @throws HeadwaterError `HW_OBJECT_MISSING`, `HW_OBJECT_CORRUPT`, `HW_FILE_TOO_LARGE` above `maxBytes` of content. */
  read(oid: ObjectId, maxBytes: number): RawObject | Promise<RawObject>;
  close(): Promise<void>;
}

/** Bytes of a commit object: a message is for people, signatures are a few KiB. */
export const maxCommitBytes = 1024 * 1024;

/** Bytes of one tree object: about a million entries. */
export const maxTreeBytes = 64 * 1024 * 1024;

export function missingObject(oid: ObjectId, reason = 'is not in the repository'): HeadwaterError {
  return new HeadwaterError('HW_OBJECT_MISSING', {
    message: `object ${oid} ${reason}`,
    hint: 'Fetch it from another clone, or run `git fsck` in the repository to see what else is missing.',
    details: { oid },
  });
}

export function corruptObject(oid: ObjectId, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('HW_OBJECT_CORRUPT', {
    message: `object ${oid} is damaged: ${reason}`,
    hint: 'Run `git fsck` in the repository and restore the object from another clone.',
    details: { oid },
    cause,
  });
}

export function tooLarge(oid: ObjectId, maxBytes: number, size?: number): HeadwaterError {
  return new HeadwaterError('HW_FILE_TOO_LARGE', {
    message: `object ${oid} is larger than ${maxBytes} bytes${size === undefined ? '' : `: ${size} bytes`}`,
    hint: 'Make the file smaller, or move it out of the config repository.',
    details: { oid, maxBytes, ...(size === undefined ? {} : { size }) },
  });
}

export function expectKind(oid: ObjectId, object: RawObject, kind: ObjectKind): Buffer {
  if (object.kind === kind) return object.content;
  throw corruptObject(oid, `expected a ${kind}, got a ${object.kind}`);
}
