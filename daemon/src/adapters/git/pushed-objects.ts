/**
 * Reads what a push brought before git takes it in: a folder of its own beside the objects of the repository ("quarantine"), in files
 * of their own for a small push, in a pack for a large one.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { PushedObject, PushedObjects } from '../../gate/pushed-objects.ts';
import type { CommitId } from '../../ports.ts';
import { createCatFile } from './cat-file.ts';
import { isObjectId } from './git-objects.ts';
import type { GitLocation } from './git-process.ts';
import { gitRecords } from './git-records.ts';
import { readLooseObject } from './loose-objects.ts';
import { createBaseReader } from './object-reader-base.ts';
import { corruptObject, maxCommitBytes, missingObject, type ObjectSource } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';
import { readPackedObjects } from './packed-objects.ts';
import { createShallowCheck } from './shallow.ts';

/** Some ten milliseconds of reading. */
const breathBytes = 1024 * 1024;

/** A longer line of new commits than any push has that a person made; the walk stays short and the memory small. */
const maxNewCommits = 100_000;

/**
 * Opens the objects of one push. @param source Objects of the repository itself; stays open.
 * @throws HeadwaterError `HW_OBJECT_MISSING` when `quarantine` is not a folder of this repository.
 */
export function openPushedObjects(
  repo: GitRepository,
  source: ObjectSource,
  quarantine: string | null,
): PushedObjects {
  const own = join(repo.commonDir, 'objects');
  if (quarantine !== null) refuseForeign(own, quarantine);
  const withPush: GitRepository & GitLocation =
    quarantine === null ? repo : { ...repo, objects: { dir: quarantine, borrowed: [own] } };
  const hasPack = quarantine !== null && holdsPack(join(quarantine, 'pack'));
  // Only what lies in a pack needs a child process of its own.
  const packed = hasPack ? createCatFile(withPush) : null;
  const both: ObjectSource = {
    read(oid, maxBytes) {
      const loose =
        quarantine !== null && isObjectId(oid, repo.objectFormat)
          ? readLooseObject(quarantine, oid, maxBytes, repo.objectFormat)
          : null;
      return loose ?? (packed ?? source).read(oid, maxBytes);
    },
    close: async () => packed?.close(),
  };
  const reader = createBaseReader(both, repo.objectFormat, createShallowCheck(repo));
  const idsOf = async (args: readonly string[], about: CommitId): Promise<string[]> => {
    const ids: string[] = [];
    for await (const record of gitRecords(withPush, about, args, '', 0x0a))
      ids.push(record.toString('latin1'));
    return ids;
  };

  return {
    reader,
    async *objects(maxBytes) {
      if (quarantine === null) return;
      let sinceBreath = 0;
      for (const object of looseObjects(quarantine, repo, maxBytes)) {
        yield object;
        // Files are read without waiting: a push of large ones would keep everything else waiting.
        sinceBreath += object.size ?? maxBytes;
        if (sinceBreath < breathBytes) continue;
        sinceBreath = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (hasPack)
        yield* readPackedObjects({ ...repo, objects: { dir: quarantine, borrowed: [] } }, maxBytes);
    },
    async firstParentsSince(tip, base) {
      const [{ parents }] = [await reader.readCommit(tip)];
      // One commit on top of the other is what nearly every push is.
      if (base !== null && parents[0] === base) return [tip];
      const not = base === null ? [] : [`^${checkId(base, repo)}`];
      const limit = `--max-count=${maxNewCommits}`;
      return idsOf(['rev-list', '--first-parent', limit, checkId(tip, repo), ...not], tip);
    },
    async isAncestor(ancestor, of) {
      const args = ['merge-base', '--all', checkId(ancestor, repo), checkId(of, repo)];
      const bases = await idsOf(args, of).catch((error): string[] => {
        // git ends with 1 and says nothing when the two have nothing in common.
        if (isHeadwaterError(error, 'HW_OBJECT_CORRUPT')) return [];
        throw error;
      });
      return bases.includes(ancestor);
    },
    close: () => both.close(),
  };
}

/** git makes the folder for every push. */
function holdsPack(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name.endsWith('.pack'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function* looseObjects(quarantine: string, repo: GitRepository, maxBytes: number): Generator<PushedObject> {
  for (const folder of readdirSync(quarantine)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of readdirSync(join(quarantine, folder))) {
      const oid = `${folder}${name}`;
      if (!isObjectId(oid, repo.objectFormat)) continue;
      const object = readBounded(quarantine, oid, maxBytes, repo);
      if (object !== null) yield object;
    }
  }
}

/** `null` for a folder. */
function readBounded(
  quarantine: string,
  oid: string,
  maxBytes: number,
  repo: GitRepository,
): PushedObject | null {
  try {
    const limit = Math.max(maxBytes, maxCommitBytes);
    const object = readLooseObject(quarantine, oid, limit, repo.objectFormat);
    if (object === null) throw missingObject(oid, 'left the quarantine while it was read');
    if (object.kind === 'tree') return null;
    const { content } = object;
    return { oid, size: content.length, content: content.length > maxBytes ? null : content };
  } catch (error) {
    if (isHeadwaterError(error, 'HW_FILE_TOO_LARGE')) return { oid, size: null, content: null };
    throw error;
  }
}

/** The hook says where the objects are; it may not point anywhere else than into this repository. */
function refuseForeign(own: string, quarantine: string): void {
  if (realpathSync(dirname(quarantine)) === realpathSync(own)) return;
  throw missingObject(
    JSON.stringify(quarantine.slice(-80)),
    'is no folder of pushed objects of this repository',
  );
}

function checkId(id: CommitId, repo: GitRepository): CommitId {
  if (!isObjectId(id, repo.objectFormat))
    throw corruptObject(JSON.stringify(id.slice(0, 80)), 'it is no object id');
  return id;
}
