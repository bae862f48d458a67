/** A lock between the processes of one service on one host. Node has no flock, so it is a file made with O_EXCL. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** A write takes milliseconds; a lock of a dead process is taken over after this time. */
const deadAfterMs = 1_000;
/** A lock of a process that cannot be seen (another container) is taken over after this time. */
const staleAfterMs = 10_000;
const giveUpAfterMs = 15_000;

/** Runs `work` while holding the lock; `false` when the lock could not be had. */
export async function withLock(path: string, work: () => Promise<void>): Promise<boolean> {
  const token = `${process.pid} ${randomBytes(8).toString('hex')}`;
  const deadline = performance.now() + giveUpAfterMs;
  while (!(await tryLock(path, token))) {
    if (performance.now() > deadline) return false;
    await wait(5 + Math.random() * 15);
  }
  try {
    await work();
  } finally {
    await unlink(path).catch(() => {}); // someone took it over: it is no longer ours to remove
  }
  return true;
}

async function tryLock(path: string, token: string): Promise<boolean> {
  try {
    await writeFile(path, token, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  await removeIfStale(path);
  return false;
}

async function removeIfStale(path: string): Promise<void> {
  try {
    const holder = await readFile(path, 'utf8');
    const age = Date.now() - (await stat(path)).mtimeMs;
    const isStale = age > staleAfterMs || (age > deadAfterMs && !isAlive(Number.parseInt(holder, 10)));
    if (!isStale) return;
    // Only one of several waiting processes wins the rename; the others find nothing and try again.
    const aside = `${path}.${randomBytes(4).toString('hex')}`;
    await rename(path, aside);
    await unlink(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // The holder finished meanwhile.
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
