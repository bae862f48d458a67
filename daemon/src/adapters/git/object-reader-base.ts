import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId, CommitInfo, CommitStep, ObjectId, ObjectReader } from '../../ports.ts';
import { createByteCache } from './byte-cache.ts';
import { findFiles } from './find-files.ts';
import { hashObject, isObjectId, type ObjectFormat, parseCommit } from './git-objects.ts';
import {
  expectKind,
  maxCommitBytes,
  maxTreeBytes,
  missingObject,
  type ObjectSource,
} from './object-source.ts';
import { diffTrees, type ReadTree } from './tree-diff.ts';

/** An object reader that also gives tree objects as they stand, for a writer that must keep what it does not understand. */
export interface GitObjectReader extends ObjectReader {
  readTree(oid: ObjectId): Promise<Buffer>;
}

export type BaseReader = Pick<
  GitObjectReader,
  'readCommit' | 'readRawCommit' | 'readStep' | 'readBlob' | 'findFiles' | 'diff' | 'readTree'
> & {
  readonly readTreeSoon: ReadTree;
};

/** Trees and commits are read again with every new commit: the tip's folders, and its commit as the next one's parent. */
const treeCacheBytes = 16 * 1024 * 1024;
const commitCacheBytes = 2 * 1024 * 1024;

/** The calls whose cost follows a change: the same code over any source of objects. */
export function createBaseReader(
  source: ObjectSource,
  format: ObjectFormat,
  isShallowBoundary: (id: CommitId) => boolean,
): BaseReader {
  const trees = createByteCache<Buffer>(treeCacheBytes);
  const commits = createByteCache<CommitInfo>(commitCacheBytes);
  const emptyTree = hashObject('tree', Buffer.alloc(0), format);

  const readTreeSoon: ReadTree = (oid) => {
    const known = trees.get(oid);
    if (known !== undefined) return known;
    // git knows the empty tree without having stored it.
    if (oid === emptyTree) return Buffer.alloc(0);
    const keep = (object: Parameters<typeof expectKind>[1]) => {
      const content = expectKind(oid, object, 'tree');
      trees.set(oid, content, content.length);
      return content;
    };
    const object = source.read(oid, maxTreeBytes);
    return object instanceof Promise ? object.then(keep) : keep(object);
  };

  const readRawCommit = async (id: CommitId): Promise<Buffer> => {
    if (!isObjectId(id, format)) throw missingObject(JSON.stringify(id.slice(0, 80)), 'is no object id');
    return expectKind(id, await source.read(id, maxCommitBytes), 'commit');
  };

  const readCommit = async (id: CommitId): Promise<CommitInfo> => {
    const known = commits.get(id);
    if (known !== undefined) return known;
    const content = await readRawCommit(id);
    const commit = parseCommit(id, content);
    commits.set(id, commit, content.length);
    return commit;
  };

  return {
    readCommit,
    readRawCommit,
    readTreeSoon,
    async readTree(oid) {
      return readTreeSoon(oid);
    },
    async readStep(id): Promise<CommitStep> {
      const commit = await readCommit(id);
      const parent = commit.parents[0];
      if (parent !== undefined && isShallowBoundary(id)) throw shallow(id);
      const before = parent === undefined ? null : (await readCommit(parent)).tree;
      return { commit, changes: await diffTrees(readTreeSoon, before, commit.tree) };
    },
    async readBlob(oid, maxBytes) {
      return expectKind(oid, await source.read(oid, maxBytes), 'blob');
    },
    async findFiles(id, paths) {
      return findFiles(readTreeSoon, (await readCommit(id)).tree, paths);
    },
    async diff(from, to) {
      const before = from === null ? null : (await readCommit(from)).tree;
      return diffTrees(readTreeSoon, before, (await readCommit(to)).tree);
    },
  };
}

export function shallow(id: CommitId): HeadwaterError {
  return new HeadwaterError('HW_REPO_SHALLOW', {
    message: `the history ends at ${id}: this clone is shallow, and that commit's parents are not in it`,
    hint: 'Fetch the whole history with `git fetch --unshallow`.',
    details: { commit: id },
  });
}
