import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId } from '../../ports.ts';
import { isObjectId } from './git-objects.ts';
import type { GitRepository } from './open-repository.ts';
import { isRefName } from './ref-name.ts';

export type RefValue =
  | { readonly kind: 'commit'; readonly id: CommitId }
  | { readonly kind: 'symbolic'; readonly target: string }
  | { readonly kind: 'broken'; readonly reason: string };

/** File of a ref: HEAD and the few refs that git keeps per work tree stand in its own folder, all others are shared. */
export function refPath(repo: GitRepository, ref: string): string {
  const own = ref === 'HEAD' || /^refs\/(bisect|worktree|rewritten)\//.test(ref);
  return join(own ? repo.gitDir : repo.commonDir, ref);
}

/**
 * What a ref holds now, not following it; `null` when it does not exist. Reads the ref's file, then packed-refs, then the file
 * again: git packs a ref by writing packed-refs first and removing the file after, so the other order shows an older commit.
 */
export function readRefValue(repo: GitRepository, ref: string): RefValue | null {
  const path = refPath(repo, ref);
  return readLoose(path, repo) ?? readPacked(repo, ref) ?? readLoose(path, repo);
}

/** Names in packed-refs. */
export function packedRefNames(repo: GitRepository): string[] {
  const names: string[] = [];
  for (const line of readPackedRefs(repo).toString('utf8').split('\n')) {
    const match = /^[0-9a-f]{40,64} (.+)$/.exec(line);
    if (match?.[1] !== undefined) names.push(match[1]);
  }
  return names;
}

export function brokenRef(repo: GitRepository, ref: string, reason: string): HeadwaterError {
  return new HeadwaterError('HW_OBJECT_CORRUPT', {
    message: `${ref} is broken: ${reason}`,
    hint:
      `Find the last commit with \`git --git-dir=${repo.gitDir} fsck --lost-found\` or in its reflog or a clone, ` +
      `then write its id with \`git update-ref ${ref} <commit>\`.`,
    details: { ref },
  });
}

// A ref's file holds one id or one name; a larger file is not a ref, and nothing of it is read or shown.
const maxRefBytes = 1024;

function readLoose(path: string, repo: GitRepository): RefValue | null {
  let fd: number;
  const buffer = Buffer.allocUnsafe(maxRefBytes);
  let size: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENOTDIR: a branch "a" exists where "a/b" is asked for.
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    return { kind: 'broken', reason: `its file cannot be read (${code})` };
  }
  try {
    size = readSync(fd, buffer, 0, maxRefBytes, 0);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A folder: only longer names stand here.
    return code === 'EISDIR' ? null : { kind: 'broken', reason: `its file cannot be read (${code})` };
  } finally {
    closeSync(fd);
  }
  const text = buffer.toString('utf8', 0, size).trimEnd();
  if (text === '')
    return {
      kind: 'broken',
      reason: 'its file is empty, as after a crash of a program that does not write safely',
    };
  if (isObjectId(text, repo.objectFormat)) return { kind: 'commit', id: text };
  const target = /^ref:\s*(\S+)$/.exec(text)?.[1];
  if (target !== undefined && isRefName(target)) return { kind: 'symbolic', target };
  return { kind: 'broken', reason: 'its file holds neither a commit id nor the name of a branch' };
}

function readPacked(repo: GitRepository, ref: string): RefValue | null {
  const packed = readPackedRefs(repo);
  const line = ` ${ref}\n`;
  for (let at = packed.indexOf(line); at >= 0; at = packed.indexOf(line, at + 1)) {
    const start = packed.lastIndexOf(0x0a, at) + 1;
    const id = packed.toString('latin1', start, at);
    if (isObjectId(id, repo.objectFormat)) return { kind: 'commit', id };
  }
  return null;
}

function readPackedRefs(repo: GitRepository): Buffer {
  try {
    return readFileSync(join(repo.commonDir, 'packed-refs'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw new HeadwaterError('HW_STORAGE_FAILED', {
      message: `packed-refs cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      hint: 'Check the disk and the permissions of the repository.',
      cause: error,
    });
  }
}
