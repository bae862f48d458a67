/**
 * A lock between processes that a `kill -9` cannot leave behind. Everyone who wants it puts a file of their own, named after
 * their process, into one folder and then looks who else is there. Files of dead processes are removed, and a dead process's
 * name never comes back, so clearing up cannot hit a living owner (taking over one shared lock file can). Of two who meet, at
 * least one sees the other and steps back: perhaps both do, never do both go on.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeQuietly } from '../git/durable-fs.ts';
import { isOwnerDead, ownerTag } from '../git/owner-tag.ts';
import { giveLifeSign, isLifeSignGone } from './life-sign.ts';

export interface OwnerLock {
  /** Gives the lock up; harmless when called twice. */
  release(): Promise<void>;
}

/** Process id of who holds the lock, in the owner's container. */
export interface LockHolder {
  readonly pid: number;
}

/**
 * Takes the lock that `folder` stands for, waiting at most `waitMs` for whoever holds it.
 * @returns The lock, or who holds it. Rejects with the system's error when the folder cannot be written.
 */
export async function takeOwnerLock(folder: string, waitMs: number): Promise<OwnerLock | LockHolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const deadline = performance.now() + waitMs;
  for (;;) {
    const taken = await tryOnce(folder);
    if ('release' in taken || performance.now() >= deadline) return taken;
    // Random, so that two who saw each other do not meet again.
    await sleep(1 + Math.random() * 20);
  }
}

async function tryOnce(folder: string): Promise<OwnerLock | LockHolder> {
  const holder = await livingOwner(folder, null);
  if (holder !== null) return holder;
  const stem = join(folder, `${ownerTag()}~${randomBytes(6).toString('hex')}`);
  // The sign before the lock, so that a lock that promises one never lacks it while its owner lives.
  const sign = await giveLifeSign(`${stem}.sock`);
  const path = sign === null ? stem : `${stem}.signed`;
  let held = true;
  const release = async () => {
    if (!held) return;
    held = false;
    await removeQuietly(path);
    await sign?.end();
  };
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    const rival = await livingOwner(folder, path);
    if (rival === null) return { release };
    await release();
    return rival;
  } catch (error) {
    await release();
    throw error;
  }
}

async function livingOwner(folder: string, own: string | null): Promise<LockHolder | null> {
  let living: LockHolder | null = null;
  for (const name of await readdir(folder)) {
    const match = /^(\w+\.\w+\.(\d+)\.\d+)~[0-9a-f]+(\.signed|\.sock)?$/.exec(name);
    const path = join(folder, name);
    if (match === null || path === own) continue;
    const [, owner = '', pid, kind] = match;
    if (isOwnerDead(owner) || (kind === '.signed' && (await isLifeSignGone(signOf(path))))) {
      await removeQuietly(path);
      if (kind === '.signed') await removeQuietly(signOf(path));
    } else if (kind !== '.sock') living = { pid: Number(pid) };
  }
  return living;
}

const signOf = (path: string): string => path.replace(/signed$/, 'sock');
