import * as fs from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { makeFolderDurably, removeQuietly, stageFile, storageFailed, syncFolder } from './durable-fs.ts';
import { readLooseObject } from './loose-objects.ts';
import type { GitRepository } from './open-repository.ts';
import { stagingFolder } from './ref-lock.ts';

/** What isomorphic-git may use of a file system. */
export type IsomorphicFs = {
  readonly promises: Pick<
    typeof fs,
    | 'readFile'
    | 'writeFile'
    | 'unlink'
    | 'readdir'
    | 'mkdir'
    | 'rmdir'
    | 'stat'
    | 'lstat'
    | 'readlink'
    | 'symlink'
    | 'chmod'
  >;
};

/**
 * The file system to give to isomorphic-git when it writes to a repository that others use. By itself it writes objects in place
 * and never waits for the disk, takes a truncated object for a whole one, and writes refs without git's locks. Here every file is
 * staged, fsynced and renamed; a damaged object counts as absent, so it is written again; refs are refused (use the RefStore).
 */
export function createIsomorphicFs(repo: GitRepository): IsomorphicFs {
  const objectsDir = join(repo.commonDir, 'objects');

  const writeFile = async (path: string, data: string | Uint8Array): Promise<void> => {
    refuseRefs(repo, path);
    await makeFolderDurably(stagingFolder(repo));
    const temp = await stageFile(typeof data === 'string' ? Buffer.from(data) : data, {
      dir: stagingFolder(repo),
      mode: path.startsWith(objectsDir + sep) ? 0o444 : 0o644,
    });
    try {
      await fs.rename(temp, path);
    } catch (error) {
      await removeQuietly(temp);
      // The library makes the folder when it hears that it is missing, and writes again.
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? error : storageFailed('rename', path, error);
    }
    await syncFolder(dirname(path));
  };

  const mkdir = async (path: string, options?: unknown) => {
    const made = await fs.mkdir(path, options as { recursive?: boolean });
    await syncFolder(dirname(path));
    return made;
  };

  const unlink = async (path: string) => {
    refuseRefs(repo, path);
    await fs.unlink(path);
  };

  const stat = async (path: string, ...rest: unknown[]) => {
    const oid = looseObjectId(objectsDir, path);
    if (oid !== null) checkWhole(repo, objectsDir, oid, (await fs.stat(path)).size);
    return (fs.stat as (...args: unknown[]) => Promise<unknown>)(path, ...rest);
  };

  return { promises: { ...fs, writeFile, mkdir, unlink, stat } as unknown as IsomorphicFs['promises'] };
}

/** @throws an error with code ENOENT when the object's file is damaged. */
function checkWhole(repo: GitRepository, objectsDir: string, oid: string, fileBytes: number): void {
  try {
    // zlib packs at most about a thousand to one.
    readLooseObject(objectsDir, oid, fileBytes * 1100 + 1024, repo.objectFormat);
  } catch (cause) {
    throw Object.assign(new Error(`object ${oid} is damaged`, { cause }), { code: 'ENOENT' });
  }
}

function looseObjectId(objectsDir: string, path: string): string | null {
  const match = /^([0-9a-f]{2})[/\\]([0-9a-f]{38}|[0-9a-f]{62})$/.exec(relative(objectsDir, path));
  return match === null ? null : `${match[1]}${match[2]}`;
}

function refuseRefs(repo: GitRepository, path: string): void {
  for (const dir of [repo.gitDir, repo.commonDir]) {
    const inside = relative(dir, path);
    if (
      inside === 'HEAD' ||
      inside === 'packed-refs' ||
      inside === 'refs' ||
      inside.startsWith(`refs${sep}`)
    ) {
      throw new HeadwaterError('HW_INTERNAL', {
        message: `${inside} was to be written without git's lock`,
        hint: 'Move refs through the RefStore only.',
      });
    }
  }
}
