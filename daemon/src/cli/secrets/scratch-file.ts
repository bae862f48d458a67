/**
 * A file that plain text may stand in for as long as an editor needs it: in memory where the system has such a place, for this user
 * alone, and overwritten before it goes. What a kill left behind is cleared by the next command.
 */
import { constants } from 'node:fs';
import { access, lstat, mkdtemp, open, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOwnerDead, ownerTag } from '../../adapters/git/owner-tag.ts';
import type { CliContext } from '../context.ts';

export interface ScratchFile extends AsyncDisposable {
  readonly path: string;
  /** Folder of its own, mode 0700: what an editor puts beside the file is wiped, too. */
  readonly folder: string;
  /** False: this system has no file system in memory, so the text touches the disk. */
  readonly isInMemory: boolean;
  write(text: string): Promise<void>;
  read(): Promise<Uint8Array>;
}

const prefix = 'headwater-edit~';
/** Linux: statfs type of tmpfs, and of ramfs. */
const memoryTypes: readonly number[] = [0x01021994, 0x858458f6];

/** @param name With the ending that tells an editor what it is. */
export async function makeScratchFile(name: string, context: Pick<CliContext, 'env'>): Promise<ScratchFile> {
  const place = await placeInMemory(context);
  const parent = place ?? tmpdir();
  await clearLeftovers(parent);
  const folder = await mkdtemp(join(parent, `${prefix}${ownerTag()}~`));
  const path = join(folder, name);
  return {
    path,
    folder,
    isInMemory: place !== null,
    async write(text) {
      const file = await open(path, 'w', 0o600);
      await file.writeFile(text);
      await file.close();
    },
    read: () => readFile(path),
    [Symbol.asyncDispose]: () => wipe(folder),
  };
}

async function placeInMemory({ env }: Pick<CliContext, 'env'>): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  for (const place of ['/dev/shm', env.XDG_RUNTIME_DIR]) {
    if (place === undefined || place === '') continue;
    try {
      await access(place, constants.W_OK);
      if (memoryTypes.includes((await statfs(place)).type)) return place;
    } catch {
      // Not there, or not ours: the next one.
    }
  }
  return null;
}

async function clearLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, owner] = /^headwater-edit~(.+)~[A-Za-z0-9]{6}$/.exec(name) ?? [];
    if (owner !== undefined && isOwnerDead(owner)) await wipe(join(parent, name)).catch(() => {}); // another user's
  }
}

/** Zeroes over every file, then all of it goes. On a disk this is best effort: it may keep old blocks. */
async function wipe(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size } = await lstat(path);
    const file = await open(path, constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      await file.write(Buffer.alloc(size), 0, size, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await rm(folder, { recursive: true, force: true });
}
