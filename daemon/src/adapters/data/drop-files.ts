/** Files in the drop folder, opened so that nobody can make the daemon read, or wipe, another file. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { maxFileBytes } from '../../core/parse-config.ts';
import { syncFolder } from '../git/durable-fs.ts';

/** A file that somebody dropped. */
export interface DropFile {
  /** Name of the folder that it lies in, as it is. */
  readonly service: string;
  readonly name: string;
  readonly path: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
}

export interface OpenDrop {
  readonly bytes: Uint8Array;
  /** Numeric id of its owner; `null` where the system has none. */
  readonly owner: number | null;
  /** Zeroes over the content, then the name goes. False: it changed meanwhile, and stays. */
  discard(): Promise<boolean>;
  /** Zeroes the bytes that were read. */
  close(): Promise<void>;
}

/** Every file one level down. What editors and copying leave behind (names with a dot in front, or ~ or .tmp behind) is passed over. */
export async function listDrops(folder: string): Promise<readonly DropFile[]> {
  const drops: DropFile[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (isPassing(entry.name)) continue;
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) {
      drops.push({ service: '', name: entry.name, path, stamp: stampOf(await lstat(path)) });
      continue;
    }
    for (const name of await readdir(path)) {
      if (isPassing(name)) continue;
      const file = join(path, name);
      const info = await lstat(file).catch(ifGone);
      if (info !== null) drops.push({ service: entry.name, name, path: file, stamp: stampOf(info) });
    }
  }
  return drops;
}

/**
 * Opens a dropped file.
 * @returns `null` when it is gone.
 * @throws HeadwaterError `HW_SECRET_FILE` when it is a link, no regular file, not the daemon's user's, or open to others;
 *   `HW_FILE_TOO_LARGE`.
 */
export async function openDrop({ path }: Pick<DropFile, 'path'>): Promise<OpenDrop | null> {
  const file = await openSafely(path);
  if (file === null) return null;
  try {
    const info = await file.stat();
    refuse(info);
    const bytes = await file.readFile();
    // Somebody may have gone on writing while it was read.
    if (stampOf(await file.stat()) !== stampOf(info))
      throw bad('is being written', 'It is taken when it has come to rest.');
    return {
      bytes,
      owner: process.getuid === undefined ? null : info.uid,
      async discard() {
        const now = await lstat(path).catch(ifGone);
        if (now === null || stampOf(now) !== stampOf(info)) return now === null;
        await file.write(Buffer.alloc(info.size), 0, info.size, 0);
        await file.sync();
        await unlink(path);
        await syncFolder(join(path, '..'));
        return true;
      },
      async close() {
        bytes.fill(0);
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openSafely(path: string): Promise<FileHandle | null> {
  const { O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  try {
    // Without O_NONBLOCK a pipe in its place would hold this call for ever.
    return await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    const what = code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened: ${code ?? 'unknown error'}`;
    throw bad(what, 'Put a regular file there, owned by the user of the daemon, mode 600.');
  }
}

function refuse(info: Stats): void {
  if (!info.isFile()) throw bad('is not a regular file', 'Put the JSON itself there.');
  const uid = process.getuid?.();
  if (uid !== undefined && info.uid !== uid && info.uid !== 0)
    throw bad('belongs to another user of this machine', 'Give it to the user of the daemon: chown.');
  if (process.platform !== 'win32' && (info.mode & 0o077) !== 0) {
    const mode = (info.mode & 0o777).toString(8);
    const hint = 'Close it: chmod 600. If somebody may have read it, choose other values.';
    throw bad(`is open to other users of this machine (mode ${mode}, expected 600)`, hint);
  }
  if (info.nlink > 1)
    throw bad('has a second name, which would keep its plain text', 'Remove the other hard link.');
  if (info.size <= maxFileBytes) return;
  throw new HeadwaterError('HW_FILE_TOO_LARGE', {
    message: `has ${info.size} bytes, expected ${maxFileBytes} at most`,
    hint: 'Keep files out of secrets.',
  });
}

const stampOf = ({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string =>
  `${dev}.${ino}.${size}.${mtimeMs}.${ctimeMs}`;

const isPassing = (name: string): boolean => /^\.|~$|\.(tmp|swp|part)$/.test(name);

function ifGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function bad(what: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_SECRET_FILE', { message: what, hint });
}
