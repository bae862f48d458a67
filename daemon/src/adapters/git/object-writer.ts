import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { ObjectId } from '../../ports.ts';
import { makeFolderDurably, removeQuietly, stageFile, storageFailed, syncFolder } from './durable-fs.ts';
import { hashObject, type ObjectKind, objectHeader } from './git-objects.ts';
import { readLooseObject } from './loose-objects.ts';
import type { GitRepository } from './open-repository.ts';
import { writePack } from './pack-writer.ts';
import { stagingFolder } from './ref-lock.ts';

/** Collects the objects of one commit, then makes all of them durable at once. */
export interface ObjectBatch {
  /** Adds an object and returns its id; nothing is written yet. */
  add(kind: ObjectKind, content: Uint8Array): ObjectId;
  /** On return every added object survives power loss. @throws HeadwaterError `HW_STORAGE_FAILED`. */
  write(): Promise<void>;
}

/** More objects than this go into one pack; fewer stand alone, where they are read without a detour. */
const maxLoose = 250;

export function createObjectBatch(repo: GitRepository): ObjectBatch {
  const objects = new Map<ObjectId, PendingObject>();
  return {
    add(kind, content) {
      const oid = hashObject(kind, content, repo.objectFormat);
      objects.set(oid, { kind, content });
      return oid;
    },
    async write() {
      if (objects.size > maxLoose) {
        await writePack(
          repo,
          [...objects].map(([oid, object]) => ({ oid, ...object })),
        );
        return;
      }
      await makeFolderDurably(stagingFolder(repo));
      const objectsDir = join(repo.commonDir, 'objects');
      // Side by side, so that the file system answers several fsyncs with one write of its journal; order does not matter
      // before a ref names the commit.
      const write = ([oid, object]: [ObjectId, PendingObject]) =>
        writeObject(repo, oid, object.kind, object.content);
      let left = [...objects];
      for (let attempt = 1; left.length > 0; attempt++) {
        const folders = new Set(await allOrFirstError(left, write));
        const gone = await syncFolders([...folders], attempt < maxAttempts);
        left = left.filter(([oid]) => gone.has(folderOf(repo, oid)));
      }
      await syncFolder(objectsDir);
    },
  };
}

/** git tidies up beside us: an object that is in a pack too loses its file, and the last one its folder. Then it is written again. */
const maxAttempts = 10;

/** @returns Folders that are not there any more. @throws HeadwaterError `HW_STORAGE_FAILED`. */
async function syncFolders(folders: readonly string[], mayBeGone: boolean): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  await allOrFirstError(folders, async (folder) => {
    await syncFolder(folder).catch((error) => {
      if (!mayBeGone || !isGone(error)) throw error;
      gone.add(folder);
    });
  });
  return gone;
}

function isGone(error: unknown): boolean {
  return isHeadwaterError(error, 'HW_STORAGE_FAILED') && error.details.code === 'ENOENT';
}

function folderOf(repo: GitRepository, oid: ObjectId): string {
  return join(repo.commonDir, 'objects', oid.slice(0, 2));
}

interface PendingObject {
  readonly kind: ObjectKind;
  readonly content: Uint8Array;
}

const compress = promisify(deflate);

/** Puts one object in its place and returns the folder whose new name still needs an fsync. */
async function writeObject(
  repo: GitRepository,
  oid: ObjectId,
  kind: ObjectKind,
  content: Uint8Array,
): Promise<string> {
  const folder = folderOf(repo, oid);
  const path = join(folder, oid.slice(2));
  // Whoever wrote it need not have waited for the disk.
  if (isIntact(repo, oid, content.length) && (await keepFile(path))) return folder;
  const bytes = await compress(Buffer.concat([objectHeader(kind, content.length), content]), { level: 1 });
  const temp = await stageFile(bytes, { dir: stagingFolder(repo), mode: 0o444 });
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(folder).catch(ignoreExisting);
      await rename(temp, path);
      return folder;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && attempt < maxAttempts) continue;
      await removeQuietly(temp);
      throw storageFailed('rename', path, error);
    }
  }
}

/** A file under the right name is not enough: a crash of another program leaves truncated ones, and they are never repaired. */
function isIntact(repo: GitRepository, oid: ObjectId, size: number): boolean {
  try {
    return readLooseObject(join(repo.commonDir, 'objects'), oid, size, repo.objectFormat) !== null;
  } catch {
    // Damaged or unreadable: replaced by a whole one.
    return false;
  }
}

/** Makes an existing file durable, and young: git throws away what is old and not yet named. @returns False when it is gone. */
async function keepFile(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'r');
    try {
      const now = new Date();
      // A file of another user stays as old as it is.
      await handle.utimes(now, now).catch(() => {});
      await handle.sync();
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw storageFailed('fsync', path, error);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** Files open at once: enough for the disk, few enough for a process that has sockets, too. */
const atOnce = 64;

/** Does all the work, some of it at once. Nothing is still running when it throws: temporary files are gone by then. */
async function allOrFirstError<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < items.length && failures.length === 0; i = next++) {
      try {
        results[i] = await work(items[i] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
