import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ObjectId } from '../../ports.ts';
import type { ObjectFormat, ObjectKind, RawObject } from './git-objects.ts';
import { corruptObject, missingObject, tooLarge } from './object-source.ts';

/**
 * Reads an object that stands in its own file, in process and without waiting: the objects of a commit made a moment ago
 * always do, and this takes about a tenth of asking a child process. `null` when there is no such file (it may be packed).
 * @throws HeadwaterError as `ObjectSource.read`.
 */
export function readLooseObject(
  objectsDir: string,
  oid: ObjectId,
  maxBytes: number,
  format: ObjectFormat,
): RawObject | null {
  const packed = readCompressed(`${objectsDir}/${oid.slice(0, 2)}/${oid.slice(2)}`, oid, maxBytes);
  if (packed === null) return null;
  const inflated = inflate(packed, oid, maxBytes);
  const zero = inflated.indexOf(0);
  const header = /^(commit|tree|blob|tag) (\d{1,15})$/.exec(
    inflated.toString('latin1', 0, Math.max(zero, 0)),
  );
  if (header === null) throw corruptObject(oid, 'its header cannot be read');
  const content = inflated.subarray(zero + 1);
  if (content.length > maxBytes) throw tooLarge(oid, maxBytes, content.length);
  // The id covers header and content just as they stand here.
  if (content.length !== Number(header[2]) || hash(format, inflated, 'hex') !== oid) {
    throw corruptObject(oid, 'its content does not match its id');
  }
  return { kind: header[1] as ObjectKind, content };
}

/** Room for "commit 1048576\0" in front of the content. */
const headerRoom = 32;

// Most objects of a config repository compress to less; larger ones get a buffer of their own.
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

function readCompressed(path: string, oid: ObjectId, maxBytes: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw missingObject(oid, `cannot be read (${code})`);
  }
  try {
    const filled = readSync(fd, scratch, 0, scratch.length, 0);
    if (filled < scratch.length) return scratch.subarray(0, filled);
    const { size } = fstatSync(fd);
    // zlib adds at most 0.1 % to what it cannot compress, so a larger file must hold more than is allowed.
    if (size > maxBytes + maxBytes / 500 + 1024) throw tooLarge(oid, maxBytes);
    return readWhole(fd, size);
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    throw missingObject(oid, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    closeSync(fd);
  }
}

function readWhole(fd: number, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const got = readSync(fd, buffer, filled, size - filled, filled);
    if (got === 0) break;
    filled += got;
  }
  return buffer.subarray(0, filled);
}

function inflate(bytes: Buffer, oid: ObjectId, maxBytes: number): Buffer {
  try {
    // A buffer near the result's size: zlib's usual 16 KiB cost more to allocate than a small object takes to inflate.
    const chunkSize = Math.min(64 * 1024, Math.max(1024, bytes.length * 4));
    return inflateSync(bytes, { maxOutputLength: maxBytes + headerRoom, chunkSize });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(oid, maxBytes);
    throw corruptObject(oid, bytes.length === 0 ? 'its file is empty' : 'it does not decompress', error);
  }
}
