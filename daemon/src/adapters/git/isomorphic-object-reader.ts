import * as fs from 'node:fs';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Errors, readObject } from 'isomorphic-git';
import type { CommitId, CommitStep, FileState, ObjectId, TreeChange } from '../../ports.ts';
import { walkAncestry } from './ancestry.ts';
import { hashObject, isObjectId, type RawObject } from './git-objects.ts';
import { readLooseObject } from './loose-objects.ts';
import { type BaseReader, createBaseReader, type GitObjectReader, shallow } from './object-reader-base.ts';
import { corruptObject, missingObject, type ObjectSource, tooLarge } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';
import { createShallowCheck } from './shallow.ts';
import { folderMode, parseTree } from './tree.ts';
import { listTree } from './tree-diff.ts';

/** Object reader without native git: packs through isomorphic-git, everything else in process. */
export function createIsomorphicObjectReader(repo: GitRepository): GitObjectReader {
  const isShallowBoundary = createShallowCheck(repo);
  const base = createBaseReader(createIsomorphicSource(repo), repo.objectFormat, isShallowBoundary);
  return {
    readCommit: base.readCommit,
    readRawCommit: base.readRawCommit,
    readStep: base.readStep,
    readBlob: base.readBlob,
    readTree: base.readTree,
    diff: base.diff,
    findFiles: base.findFiles,

    async listFiles(id) {
      return listTree(base.readTreeSoon, (await base.readCommit(id)).tree);
    },

    async *ancestry(tip, known) {
      const parentsOf = async (id: CommitId) => {
        const { parents } = await base.readCommit(id);
        if (isShallowBoundary(id)) throw shallow(id);
        return parents;
      };
      yield* walkAncestry(parentsOf, tip, known);
    },

    async *firstParentLog(tip, rootFiles) {
      for (let id: CommitId | undefined = tip; id !== undefined; ) {
        const step: CommitStep = await (rootFiles ? readRootStep(base, id, rootFiles) : base.readStep(id));
        if (!rootFiles || step.changes.length > 0) yield step;
        id = step.commit.parents[0];
      }
    },

    async close() {},
  };
}

/** What a commit changed among some files at the root: two trees are read, whatever lies below them. */
async function readRootStep(base: BaseReader, id: CommitId, names: readonly string[]): Promise<CommitStep> {
  const commit = await base.readCommit(id);
  const parent = commit.parents[0];
  const before = parent === undefined ? null : (await base.readCommit(parent)).tree;
  if (before === commit.tree) return { commit, changes: [] };
  const [from, to] = await Promise.all([before, commit.tree].map((tree) => readRootFiles(base, tree, names)));
  const changes = [...names].sort().flatMap((path): TreeChange[] => {
    const change = { path, from: from?.get(path) ?? null, to: to?.get(path) ?? null };
    const isSame = change.from?.oid === change.to?.oid && change.from?.mode === change.to?.mode;
    return isSame ? [] : [change];
  });
  return { commit, changes };
}

async function readRootFiles(
  base: BaseReader,
  tree: ObjectId | null,
  names: readonly string[],
): Promise<ReadonlyMap<string, FileState>> {
  const items = tree === null ? [] : parseTree(tree, await base.readTree(tree));
  const files = items.filter(({ name, mode }) => mode !== folderMode && names.includes(name));
  return new Map(files.map(({ name, mode, oid }) => [name, { mode, oid }]));
}

function createIsomorphicSource(repo: GitRepository): ObjectSource {
  const objectsDir = join(repo.commonDir, 'objects');
  let cache: object = {};
  let packs = '';

  // The library keeps every pack it ever saw in its cache, and its list of packs once it has one.
  const freshCache = (): object => {
    const now = packNames(join(objectsDir, 'pack'));
    if (now !== packs) cache = {};
    packs = now;
    return cache;
  };

  const readPacked = async (oid: ObjectId): Promise<RawObject> => {
    const found = await readObject({
      fs: settledFs,
      gitdir: repo.commonDir,
      oid,
      format: 'content',
      cache: freshCache(),
    });
    return { kind: found.type as RawObject['kind'], content: Buffer.from(found.object as Uint8Array) };
  };

  /** A repack takes packs away between the library's look at the folder and its read; while packs come and go, look again. */
  const readThroughRepacks = async (oid: ObjectId, maxBytes: number): Promise<RawObject> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await readPacked(oid);
      } catch (error) {
        const seen = packs;
        cache = {};
        const loose = readLooseObject(objectsDir, oid, maxBytes, repo.objectFormat);
        if (loose !== null) return loose;
        const changed = packNames(join(objectsDir, 'pack')) !== seen;
        // Once more even when nothing changed: the change may lie between the library's look and ours.
        if (attempt >= 20 || (!changed && attempt > 0)) throw readFailure(oid, error);
      }
    }
  };

  return {
    async read(oid, maxBytes) {
      if (!isObjectId(oid, repo.objectFormat))
        throw missingObject(JSON.stringify(oid.slice(0, 80)), 'is no object id');
      const loose = readLooseObject(objectsDir, oid, maxBytes, repo.objectFormat);
      if (loose !== null) return loose;
      const object = await readThroughRepacks(oid, maxBytes);
      if (object.content.length > maxBytes) throw tooLarge(oid, maxBytes, object.content.length);
      // The library checks a pack once as a whole, not the objects that it takes out of it later.
      if (hashObject(object.kind, object.content, repo.objectFormat) !== oid) {
        throw corruptObject(oid, 'its content does not match its id');
      }
      return object;
    },
    async close() {},
  };
}

function readFailure(oid: ObjectId, error: unknown): Error {
  if (error instanceof Errors.NotFoundError) return missingObject(oid);
  return corruptObject(oid, error instanceof Error ? error.message : String(error), error);
}

/** git writes a pack under another name first; the library would take that one for a pack too. */
const isFinished = (name: string) => !name.startsWith('.tmp-') && !name.startsWith('tmp_');

const settledFs = {
  promises: {
    ...fs.promises,
    readdir: async (path: string) => (await fs.promises.readdir(path)).filter(isFinished),
  },
};

function packNames(folder: string): string {
  try {
    return readdirSync(folder).filter(isFinished).sort().join('\n');
  } catch {
    // A repository that never had a pack.
    return '';
  }
}
