import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import type { ObjectId } from '../../ports.ts';
import { hashObject, type ObjectFormat, type ObjectKind, type RawObject } from './git-objects.ts';
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
  const kind = header[1] as ObjectKind;
  if (content.length !== Number(header[2]) || hashObject(kind, content, format) !== oid) {
    throw corruptObject(oid, 'its content does not match its id');
  }
  return { kind, content };
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
    const { size } = fstatSync(fd);
    // zlib adds at most 0.1 % to what it cannot compress, so a larger file must hold more than is allowed.
    if (size > maxBytes + maxBytes / 500 + 1024) throw tooLarge(oid, maxBytes);
    const buffer = size <= scratch.length ? scratch : Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const got = readSync(fd, buffer, filled, size - filled, filled);
      if (got === 0) break;
      filled += got;
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

function inflate(bytes: Buffer, oid: ObjectId, maxBytes: number): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: maxBytes + headerRoom });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(oid, maxBytes);
    throw corruptObject(oid, bytes.length === 0 ? 'its file is empty' : 'it does not decompress', error);
  }
}
