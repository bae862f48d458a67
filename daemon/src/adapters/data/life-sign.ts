/**
 * A socket file that answers as long as its process lives: the kernel closes it whatever ends the process. Process ids mean
 * nothing between containers, so a lock that an earlier container left behind is told from a held one by this.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { removeQuietly } from '../git/durable-fs.ts';

export interface LifeSign {
  /** Stops answering and removes the file. */
  end(): Promise<void>;
}

/** Starts answering at `path`; `null` where that cannot be done: not on Linux, or on a disk without sockets. */
export async function giveLifeSign(path: string): Promise<LifeSign | null> {
  if (process.platform !== 'linux') return null;
  const folder = await open(dirname(path), 'r');
  const server = createServer((socket) => socket.destroy());
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(shortPath(folder, path), () => resolve(true));
  });
  server.unref();
  const end = async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await removeQuietly(path);
    await folder.close();
  };
  if (listens) return { end };
  await folder.close();
  return null;
}

/** True only when nobody answers at `path` any more; what cannot be judged counts as alive. */
export async function isLifeSignGone(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const folder = await open(dirname(path), 'r');
  try {
    return await new Promise<boolean>((resolve) => {
      const socket = connect(shortPath(folder, path), () => {
        socket.destroy();
        resolve(false);
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
      });
    });
  } finally {
    await folder.close();
  }
}

/** A socket's path has 107 bytes at most; a data folder's may be longer. */
function shortPath(folder: FileHandle, path: string): string {
  return `/proc/self/fd/${folder.fd}/${basename(path)}`;
}
