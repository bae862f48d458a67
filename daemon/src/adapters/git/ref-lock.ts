/**
 * Git's lock on one ref: whoever creates `<ref>.lock` may replace `<ref>`. The new value is first written to a record in
 * `headwater-locks/`, whose name tells the process, and the lock is a hard link to that record. So a lock left behind by a
 * crash is proven ours by its inode, however it got interrupted; git's own locks are never mistaken for one of ours.
 */
import { randomBytes } from 'node:crypto';
import { link, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId } from '../../ports.ts';
import {
  makeFolderDurably,
  removeQuietly,
  stagedFileOwner,
  stageFile,
  storageFailed,
  syncFolder,
} from './durable-fs.ts';
import type { GitRepository } from './open-repository.ts';
import { isOwnerDead, ownerTag } from './owner-tag.ts';
import { refPath } from './ref-files.ts';

export interface RefLock {
  /** Makes the prepared value the ref's value, durably, and gives the lock up. */
  replace(): Promise<void>;
  /** Gives the lock up and leaves the ref as it is. Harmless after `replace`. */
  release(): Promise<void>;
}

/** Somebody else's lock is waited for this long in all; git holds one for a few milliseconds. */
const lockWaitMs = 1000;

/** Locks `ref` with `next` as the value to come. @throws HeadwaterError `HW_REF_LOCKED`, `HW_STORAGE_FAILED`. */
export async function lockRef(repo: GitRepository, ref: string, next: CommitId): Promise<RefLock> {
  const path = refPath(repo, ref);
  const lock = `${path}.lock`;
  const records = recordsFolder(repo);
  await makeFolderDurably(records);
  const staged = await stageFile(Buffer.from(`${next}\n`), { dir: records, mode: 0o644 });
  const record = join(records, recordName(ref));
  let locked = false;
  const release = async () => {
    if (locked) await removeQuietly(lock);
    locked = false;
    await removeQuietly(record);
  };
  try {
    await rename(staged, record);
    await linkWhenFree(record, lock, ref);
    locked = true;
  } catch (error) {
    await removeQuietly(staged);
    await release();
    throw error instanceof HeadwaterError ? error : storageFailed('lock', path, error);
  }
  const replace = async () => {
    try {
      await rename(lock, path);
    } catch (error) {
      throw storageFailed('rename', path, error);
    }
    locked = false;
    await syncFolder(dirname(path)).catch((error) => {
      // git packed the ref already, durably, and removed the folder that was empty then.
      const isPacked = isHeadwaterError(error, 'HW_STORAGE_FAILED') && error.details.code === 'ENOENT';
      if (!isPacked) throw error;
    });
  };
  return { replace, release };
}

/**
 * Removes locks, records and temporary files of our own processes that no longer run. Call at start, before the first write.
 * @returns Refs whose lock was removed.
 */
export async function clearStaleLocks(repo: GitRepository): Promise<readonly string[]> {
  const cleared: string[] = [];
  const records = recordsFolder(repo);
  for (const name of await namesIn(records)) {
    const parsed = parseRecordName(name);
    if (parsed === null || !isOwnerDead(parsed.owner)) continue;
    const lock = `${refPath(repo, parsed.ref)}.lock`;
    if (await isSameFile(join(records, name), lock)) {
      await removeQuietly(lock);
      cleared.push(parsed.ref);
    }
    await removeQuietly(join(records, name));
  }
  for (const folder of [records, stagingFolder(repo)]) {
    for (const name of await namesIn(folder)) {
      const owner = stagedFileOwner(name);
      if (owner !== null && isOwnerDead(owner)) await removeQuietly(join(folder, name));
    }
  }
  return cleared;
}

/** The one folder for files that are being written: same file system as the objects, ignored by git and by `git fsck`. */
export function stagingFolder(repo: GitRepository): string {
  return join(repo.commonDir, 'headwater-tmp');
}

function recordsFolder(repo: GitRepository): string {
  return join(repo.commonDir, 'headwater-locks');
}

function recordName(ref: string): string {
  return `${ownerTag()}~${randomBytes(4).toString('hex')}~${Buffer.from(ref).toString('base64url')}`;
}

function parseRecordName(name: string): { owner: string; ref: string } | null {
  const [owner, , encoded] = name.split('~');
  if (owner === undefined || encoded === undefined) return null;
  return { owner, ref: Buffer.from(encoded, 'base64url').toString('utf8') };
}

async function linkWhenFree(record: string, lock: string, ref: string): Promise<void> {
  const deadline = performance.now() + lockWaitMs;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 50)) {
    try {
      await link(record, lock);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') {
        // The branch's folder is not there yet, or git removed it just now because it was empty.
        await makeFolderDurably(dirname(lock));
      } else if (code !== 'EEXIST') throw error;
      if (performance.now() >= deadline) throw refLocked(ref, lock);
      if (code === 'EEXIST') await sleep(waitMs * (0.5 + Math.random()));
    }
  }
}

function refLocked(ref: string, lock: string): HeadwaterError {
  return new HeadwaterError('HW_REF_LOCKED', {
    message: `${ref} is locked: ${lock} exists and did not go away within ${lockWaitMs} ms`,
    hint: 'Another git program is writing, or one died while it did. If none runs, remove that file and try again.',
    details: { ref, lock },
  });
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([stat(a, { bigint: true }), stat(b, { bigint: true })]);
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    // One of them does not exist.
    return false;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storageFailed('list', folder, error);
  }
}
