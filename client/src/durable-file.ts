/** Files that are whole after any crash, and never reached through a symbolic link. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';

const isWindows = process.platform === 'win32';
/** Refuses to follow a link in the last part of the path. */
const noFollow = isWindows ? 0 : constants.O_NOFOLLOW;

/** The file's bytes, or `null` when there is none. @throws when it is a link, no regular file, or larger than `maxBytes`. */
export function readWhole(path: string, maxBytes: number): Uint8Array | null {
  let descriptor: number;
  try {
    // Without O_NONBLOCK a named pipe in its place would block the start.
    descriptor = openSync(path, constants.O_RDONLY | noFollow | (isWindows ? 0 : constants.O_NONBLOCK));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > maxBytes)
      throw unsafe(path, 'it is no regular file of a sensible size');
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Replaces the file in one step: temporary file beside it, fsync, rename, fsync of the folder. Mode 0600. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // it may not exist; the first error is the one that matters
    throw error;
  }
  await syncFolder(dirname(path));
}

export async function syncFolder(folder: string): Promise<void> {
  if (isWindows) return; // folders cannot be opened there; NTFS journals the rename
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes the folders below `root` (mode 0700) and checks that none of them is a link or writable by everybody.
 * @throws HeadwaterError `HW_CACHE_UNAVAILABLE`, or the file system's error.
 */
export function ensureFolder(root: string, ...below: readonly string[]): string {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  let path = root;
  for (const name of below) {
    path = `${path}/${name}`;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!lstatSync(path).isDirectory()) throw unsafe(path, 'it is a link or no folder');
    checkNotShared(path);
  }
  checkNotShared(root);
  return path;
}

function checkNotShared(path: string): void {
  if (!isWindows && (statSync(path).mode & 0o002) !== 0) throw unsafe(path, 'everybody may write into it');
}

function unsafe(path: string, reason: string): HeadwaterError {
  return new HeadwaterError('HW_CACHE_UNAVAILABLE', {
    message: `${path} is not used: ${reason}`,
    hint: 'Give the service a folder of its own with mode 0700, for example by cacheDir and stateDir.',
    details: { path },
  });
}
