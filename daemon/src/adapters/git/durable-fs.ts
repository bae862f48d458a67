import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { ownerTag } from './owner-tag.ts';

export interface WriteDurablyOptions {
  /** Permission bits of the new file before the umask. Default 0o644. */
  readonly mode?: number;
  /** Folder of the same file system for the temporary file. Default: beside the file. */
  readonly stagingDir?: string;
}

/**
 * Replaces a file in one step that survives power loss: on return the new content is on disk; after a failure, or a crash at any
 * moment, the file is whole and either the old or the new one. The folder must exist. @throws HeadwaterError `HW_STORAGE_FAILED`; then nothing may be assumed written and the call must not
 * be repeated to get past a failed fsync (the system forgets the lost pages and answers "done").
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array,
  options: WriteDurablyOptions = {},
): Promise<void> {
  const temp = await stageFile(bytes, {
    dir: options.stagingDir ?? dirname(path),
    mode: options.mode ?? 0o644,
  });
  try {
    await rename(temp, path);
  } catch (error) {
    await removeQuietly(temp);
    throw storageFailed('rename', path, error);
  }
  await syncFolder(dirname(path));
}

/** Writes a new temporary file to disk and returns its path. @throws HeadwaterError `HW_STORAGE_FAILED`, leaving nothing. */
export async function stageFile(
  bytes: Uint8Array,
  place: { readonly dir: string; readonly mode: number },
): Promise<string> {
  const temp = join(place.dir, `.hw-${ownerTag()}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temp, 'wx', place.mode);
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
  } catch (error) {
    // Closing twice is refused by the handle; what failed first is what the reader needs.
    await handle?.close().catch(() => {});
    await removeQuietly(temp);
    throw storageFailed('write', temp, error);
  }
  return temp;
}

/** Owner of a temporary file made by `stageFile`, `null` for other files. */
export function stagedFileOwner(name: string): string | null {
  return /^\.hw-(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1] ?? null;
}

/** Makes renames and new names in a folder survive power loss. @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    throw storageFailed('fsync', path, error);
  } finally {
    await handle?.close();
  }
}

/** Makes a folder and those above it, durably; existing ones are left alone. @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function makeFolderDurably(path: string): Promise<void> {
  let first: string | undefined;
  try {
    first = await mkdir(path, { recursive: true });
  } catch (error) {
    throw storageFailed('mkdir', path, error);
  }
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** Removes a file that may be gone already or that the disk no longer lets us remove; a leftover is cleared at the next start. */
export async function removeQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}

/** Removes a folder if it is empty. */
export async function removeEmptyFolder(path: string): Promise<void> {
  // Not empty, or gone: both are fine.
  await rmdir(path).catch(() => {});
}

export function storageFailed(step: string, path: string, cause: unknown): HeadwaterError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new HeadwaterError('HW_STORAGE_FAILED', {
    message: `cannot ${step} ${basename(path)} in ${dirname(path)}: ${code}`,
    hint: full
      ? 'The disk is full: free some space; nothing was changed.'
      : 'Check the disk and the permissions of this folder, then start again: the repository is checked at start.',
    details: { step, path, code },
    cause,
  });
}
