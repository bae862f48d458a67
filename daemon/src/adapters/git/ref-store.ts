import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId, RefStore } from '../../ports.ts';
import { removeEmptyFolders } from './empty-folders.ts';
import { isObjectId } from './git-objects.ts';
import type { GitRepository } from './open-repository.ts';
import { brokenRef, packedRefNames, type RefValue, readRefValue, refPath } from './ref-files.ts';
import { lockRef } from './ref-lock.ts';
import { checkRefName } from './ref-name.ts';

export { clearStaleLocks } from './ref-lock.ts';

/**
 * Reads and moves refs the way git does: same files, same locks, so any number of git programs may write at the same time.
 * Never deletes a ref. Errors as in the port; a ref whose file is empty or unreadable is `HW_OBJECT_CORRUPT`, a name that git
 * refuses or that another branch blocks `HW_NAME_INVALID`. After `HW_STORAGE_FAILED` the ref is at one of its two values.
 */
export function createRefStore(repo: GitRepository): RefStore {
  return {
    async read(ref) {
      checkRefName(ref);
      return (await follow(repo, ref)).id;
    },

    async head() {
      const value = await readSettled(repo, 'HEAD');
      if (value?.kind === 'broken') throw brokenRef(repo, 'HEAD', value.reason);
      return value?.kind === 'symbolic' ? value.target : null;
    },

    async compareAndSwap(ref, expected, next) {
      checkRefName(ref);
      for (const id of [expected, next]) {
        if (id !== null && !isObjectId(id, repo.objectFormat)) throw notAnId(id);
      }
      const { name } = await follow(repo, ref);
      await checkNameIsFree(repo, name, expected);
      const lock = await lockRef(repo, name, next);
      try {
        const actual = (await follow(repo, name)).id;
        if (actual !== expected) throw refMoved(name, expected, actual);
        await lock.replace();
      } finally {
        await lock.release();
      }
    },
  };
}

/** git follows five levels as well. */
const maxSymbolicDepth = 5;

async function follow(repo: GitRepository, ref: string): Promise<{ name: string; id: CommitId | null }> {
  let name = ref;
  for (let depth = 0; depth <= maxSymbolicDepth; depth++) {
    const value = await readSettled(repo, name);
    if (value === null) return { name, id: null };
    if (value.kind === 'commit') return { name, id: value.id };
    if (value.kind === 'broken') throw brokenRef(repo, name, value.reason);
    name = value.target;
  }
  throw brokenRef(repo, ref, `it leads through more than ${maxSymbolicDepth} other names`);
}

/** A program that writes refs in place shows an empty file for a moment; only what stays broken is broken. */
async function readSettled(repo: GitRepository, ref: string): Promise<RefValue | null> {
  for (const waitMs of [1, 4, 10]) {
    const value = readRefValue(repo, ref);
    if (value?.kind !== 'broken') return value;
    await sleep(waitMs);
  }
  return readRefValue(repo, ref);
}

/** A branch "a" and a branch "a/b" cannot both exist, whether they stand in files or in packed-refs. */
async function checkNameIsFree(repo: GitRepository, ref: string, expected: CommitId | null): Promise<void> {
  if (expected !== null) return;
  const parts = ref.split('/');
  const above = parts.slice(3).map((_, i) => parts.slice(0, i + 3).join('/'));
  const below = packedRefNames(repo).filter((name) => name.startsWith(`${ref}/`));
  const clash = [...above, ...below].find((name) => readRefValue(repo, name) !== null);
  if (clash !== undefined) throw nameTaken(ref, clash);
  await removeEmptyFolders(refPath(repo, ref));
  if (statSync(refPath(repo, ref), { throwIfNoEntry: false })?.isDirectory())
    throw nameTaken(ref, `${ref}/…`);
}

function nameTaken(ref: string, clash: string): HeadwaterError {
  return new HeadwaterError('HW_NAME_INVALID', {
    message: `${ref} cannot be created: ${clash} exists, and one name may not be a folder of the other`,
    hint: 'Choose another branch name.',
    details: { ref, clash },
  });
}

function refMoved(ref: string, expected: CommitId | null, actual: CommitId | null): HeadwaterError {
  return new HeadwaterError('HW_REF_MOVED', {
    message: `${ref} moved: expected ${expected ?? 'no such branch'}, got ${actual ?? 'no such branch'}`,
    hint: 'Read the new tip, apply the change to it, and try again.',
    details: { ref, expected, actual },
  });
}

function notAnId(id: string): HeadwaterError {
  return new HeadwaterError('HW_USAGE', {
    message: `${JSON.stringify(id.slice(0, 80))} is not a full commit id`,
    hint: 'Give all hexadecimal digits, in lower case.',
  });
}
