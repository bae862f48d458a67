import { join } from 'node:path';
import type { CommitStep, TreeEntry } from '../../ports.ts';
import { createCatFile } from './cat-file.ts';
import { firstParentChanges } from './first-parent-changes.ts';
import { isObjectId } from './git-objects.ts';
import { gitRecords } from './git-records.ts';
import { readLooseObject } from './loose-objects.ts';
import { createBaseReader, type GitObjectReader, shallow } from './object-reader-base.ts';
import { corruptObject, type ObjectSource } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';
import { createShallowCheck } from './shallow.ts';
import { guard, sortByPath } from './tree-diff.ts';

/** Object reader over native git; objects in files of their own, as those of a new commit are, are read in process. */
export function createNativeObjectReader(repo: GitRepository): GitObjectReader {
  const isShallowBoundary = createShallowCheck(repo);
  const source = createNativeSource(repo);
  const base = createBaseReader(source, repo.objectFormat, isShallowBoundary);
  return {
    readCommit: base.readCommit,
    readRawCommit: base.readRawCommit,
    readStep: base.readStep,
    readBlob: base.readBlob,
    readTree: base.readTree,
    diff: base.diff,
    findFiles: base.findFiles,

    async listFiles(id) {
      const { tree } = await base.readCommit(id);
      const files: TreeEntry[] = [];
      for await (const record of gitRecords(repo, tree, ['ls-tree', '-r', '-z', '--full-tree', tree])) {
        const tab = record.indexOf(0x09);
        const [mode, , oid] = record.toString('latin1', 0, tab).split(' ');
        if (tab < 0 || mode === undefined || oid === undefined)
          throw corruptObject(tree, 'git lists it in an unknown way');
        guard(files.push({ path: record.toString('utf8', tab + 1), mode, oid }));
      }
      return files;
    },

    async *ancestry(tip, known) {
      await base.readCommit(tip);
      const excluded = known.filter((id) => isObjectId(id, repo.objectFormat)).map((id) => `^${id}\n`);
      const args = ['rev-list', '--parents', '--topo-order', '--reverse', '--ignore-missing', '--stdin'];
      for await (const record of gitRecords(repo, tip, args, `${tip}\n${excluded.join('')}`, 0x0a)) {
        const [id = '', ...parents] = record.toString('latin1').split(' ');
        if (isShallowBoundary(id)) throw shallow(id);
        yield { id, parents };
      }
    },

    async *firstParentLog(tip, rootFiles = []) {
      await base.readCommit(tip);
      for await (const { id, changes } of firstParentChanges(repo, tip, rootFiles)) {
        if (isShallowBoundary(id)) throw shallow(id);
        yield { commit: await base.readCommit(id), changes: sortByPath(changes) } satisfies CommitStep;
      }
    },

    close: () => source.close(),
  };
}

/** Objects of a repository over native git, without any cache. */
export function createNativeSource(repo: GitRepository): ObjectSource {
  return withLooseObjects(repo, createCatFile(repo));
}

function withLooseObjects(repo: GitRepository, packed: ObjectSource): ObjectSource {
  const objectsDir = join(repo.commonDir, 'objects');
  return {
    read(oid, maxBytes) {
      if (!isObjectId(oid, repo.objectFormat)) return packed.read(oid, maxBytes);
      let damaged: unknown;
      try {
        const loose = readLooseObject(objectsDir, oid, maxBytes, repo.objectFormat);
        if (loose !== null) return loose;
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error) || error.code === 'HW_FILE_TOO_LARGE')
          throw error;
        damaged = error;
      }
      // A damaged file does not matter if a pack holds the object too.
      return damaged === undefined ? packed.read(oid, maxBytes) : orElse(packed.read(oid, maxBytes), damaged);
    },
    close: () => packed.close(),
  };
}

async function orElse<T>(attempt: T | Promise<T>, firstError: unknown): Promise<T> {
  try {
    return await attempt;
  } catch {
    // What the file itself said is closer to the cause than git's answer about the same file.
    throw firstError;
  }
}
