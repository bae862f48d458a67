/**
 * A repository in memory: commits are lists of files, refs a map. For tests of what stands above git; building a commit costs
 * microseconds, so property tests can make thousands of histories. Ids look like git's but are not.
 */
import { createHash } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { encodeCommit } from '../adapters/git/git-objects.ts';
import { addSignature } from '../core/signatures/signed-commit.ts';
import type {
  CommitId,
  CommitInfo,
  CommitStep,
  CommitWriter,
  FileState,
  ObjectId,
  ObjectReader,
  Person,
  RefStore,
  RefWatcher,
  TreeChange,
} from '../ports.ts';
import { type BuildHistory, type CommitSpec, testPerson } from './git-history.ts';

export interface FakeGit {
  readonly reader: ObjectReader;
  readonly refs: RefStore;
  readonly writer: CommitWriter;
  watcher(ref: string): RefWatcher;
  readonly build: BuildHistory;
  /** Adds a commit on `parents`; files come from the first parent, then `set` and `remove` apply. Moves no ref. */
  add(commit: FakeCommit): CommitId;
  /** Tree of a commit. */
  treeOf(id: CommitId): ObjectId;
  /** Moves or deletes a ref without asking, as a force push would. */
  setRef(ref: string, id: CommitId | null): void;
  /** Makes an object missing, as in a damaged or shallow clone. */
  forget(oid: ObjectId): void;
}

export interface FakeCommit extends Omit<CommitSpec, 'parents'> {
  readonly parents: readonly CommitId[];
  readonly author?: Person;
  readonly committer?: Person;
  /** Gives the armored signature of the commit's bytes. Default: none is asked for. */
  readonly sign?: (payload: Uint8Array) => string;
}

interface StoredCommit {
  readonly info: CommitInfo;
  readonly raw: Uint8Array;
  readonly files: ReadonlyMap<string, FileState>;
}

/** @param head Full name of the ref that HEAD points to. Default "refs/heads/main". */
export function createFakeGit(head: string | null = 'refs/heads/main'): FakeGit {
  const commits = new Map<CommitId, StoredCommit>();
  const blobs = new Map<ObjectId, Uint8Array>();
  const refs = new Map<string, CommitId>();
  const listeners = new Set<(ref: string) => void>();

  const stored = (id: CommitId): StoredCommit => {
    const commit = commits.get(id);
    if (commit === undefined) throw missing(id);
    return commit;
  };
  const store = (content: Uint8Array): ObjectId => {
    const oid = createHash('sha1').update('blob').update(content).digest('hex');
    blobs.set(oid, content);
    return oid;
  };
  const setRef = (ref: string, id: CommitId | null) => {
    if (id === null) refs.delete(ref);
    else refs.set(ref, id);
    for (const listener of listeners) listener(ref);
  };
  const step = (id: CommitId): CommitStep => {
    const { info, files } = stored(id);
    const parent = info.parents[0];
    return { commit: info, changes: compare(parent === undefined ? new Map() : stored(parent).files, files) };
  };

  const save = (
    files: Map<string, FileState>,
    commit: Omit<CommitInfo, 'id' | 'tree'>,
    sign?: (payload: Uint8Array) => string,
  ): CommitId => {
    const tree = treeOf(files);
    const payload = encodeCommit({ tree, ...commit });
    const raw = sign ? addSignature(payload, sign(payload)) : payload;
    const id = hash([tree, commit, Buffer.from(raw).toString('latin1')]);
    commits.set(id, { info: { id, tree, ...commit }, raw, files });
    return id;
  };

  const add = (commit: FakeCommit): CommitId => {
    const first = commit.parents[0];
    const files = new Map(first === undefined ? [] : stored(first).files);
    for (const path of commit.remove ?? []) removePath(files, path);
    for (const [path, file] of Object.entries(commit.set ?? {})) {
      const special = typeof file === 'string' ? { mode: '100644', content: file } : file;
      const oid = special.mode === '160000' ? special.content : store(Buffer.from(special.content));
      removePath(files, path);
      files.set(path, { mode: special.mode, oid });
    }
    const author = commit.author ?? testPerson;
    const message = commit.message ?? `commit ${commits.size}\n`;
    const info = { parents: commit.parents, author, committer: commit.committer ?? author, message };
    return save(files, info, commit.sign);
  };

  const reader: ObjectReader = {
    readCommit: async (id) => stored(id).info,
    readRawCommit: async (id) => stored(id).raw,
    readStep: async (id) => step(id),
    async readBlob(oid, maxBytes) {
      const content = blobs.get(oid);
      if (content === undefined) throw missing(oid);
      if (content.length > maxBytes) {
        throw new HeadwaterError('HW_FILE_TOO_LARGE', {
          message: `${oid}: ${content.length} > ${maxBytes} bytes`,
        });
      }
      return content;
    },
    listFiles: async (id) => [...stored(id).files].sort(byPath).map(([path, file]) => ({ path, ...file })),
    async findFiles(id, paths) {
      const { files } = stored(id);
      return new Map([...paths].flatMap((path) => (files.has(path) ? [[path, files.get(path)!]] : [])));
    },
    diff: async (from, to) => compare(from === null ? new Map() : stored(from).files, stored(to).files),
    async *ancestry(tip, known) {
      const done = reachable(known.filter((id) => commits.has(id)));
      const open = [{ id: tip, ready: false }];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (done.has(next.id)) continue;
        const { parents } = stored(next.id).info;
        if (next.ready) {
          done.add(next.id);
          yield { id: next.id, parents };
        } else open.push({ id: next.id, ready: true }, ...parents.map((id) => ({ id, ready: false })));
      }
    },
    async *firstParentLog(tip, rootFiles) {
      for (let id: CommitId | undefined = tip; id !== undefined; ) {
        const { commit, changes } = step(id);
        const wanted = rootFiles ? changes.filter(({ path }) => rootFiles.includes(path)) : changes;
        if (!rootFiles || wanted.length > 0) yield { commit, changes: wanted };
        id = commit.parents[0];
      }
    },
    async close() {},
  };

  const reachable = (from: readonly CommitId[]): Set<CommitId> => {
    const found = new Set<CommitId>();
    const open = [...from];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      open.push(...stored(id).info.parents);
    }
    return found;
  };

  const resolve = (ref: string): string => {
    if (ref === 'HEAD' && head !== null) return head;
    if (ref.startsWith('refs/') && !/\.\.|\/\.|\/\/|\.lock(\/|$)|\/$|[ ~^:?*[\\\n]/.test(ref)) return ref;
    throw new HeadwaterError('HW_NAME_INVALID', { message: `${ref} is not the full name of a branch` });
  };

  const refStore: RefStore = {
    read: async (ref) => refs.get(resolve(ref)) ?? null,
    head: async () => head,
    async compareAndSwap(ref, expected, next) {
      const name = resolve(ref);
      const actual = refs.get(name) ?? null;
      if (actual !== expected) {
        throw new HeadwaterError('HW_REF_MOVED', {
          message: `${name} moved`,
          details: { ref: name, expected, actual },
        });
      }
      const clash = [...refs.keys()].find(
        (other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`),
      );
      if (clash !== undefined)
        throw new HeadwaterError('HW_NAME_INVALID', { message: `${clash} is in the way` });
      setRef(name, next);
    },
  };

  const writer: CommitWriter = {
    async commit({ ref, expected, extraParents, edits, message, author, committer }) {
      const files = new Map(expected === null ? [] : stored(expected).files);
      for (const { path, content } of edits) {
        if (content === null) files.delete(path);
        else files.set(path, { mode: files.get(path)?.mode ?? '100644', oid: store(content) });
      }
      const made = typeof message === 'string' ? message : message(treeOf(files));
      const text = made.endsWith('\n') ? made : `${made}\n`;
      const id = save(files, {
        parents: [...(expected === null ? [] : [expected]), ...(extraParents ?? [])],
        author,
        committer,
        message: text,
      });
      await refStore.compareAndSwap(ref, expected, id);
      return id;
    },
  };

  const watcher = (ref: string): RefWatcher => {
    let listener: (moved: string) => void = () => {};
    return {
      look: async () => listener(resolve(ref)),
      async start(onTip) {
        const name = resolve(ref);
        let last: CommitId | null | undefined;
        listener = (moved) => {
          const tip = refs.get(name) ?? null;
          if (moved !== name || tip === last) return;
          last = tip;
          onTip(tip);
        };
        listeners.add(listener);
        listener(name);
      },
      async close() {
        listeners.delete(listener);
      },
    };
  };

  return {
    reader,
    refs: refStore,
    writer,
    watcher,
    add,
    treeOf: (id) => stored(id).info.tree,
    setRef,
    async build(specs) {
      const ids: CommitId[] = [];
      for (const [i, spec] of specs.entries()) {
        const parents = spec.parents.map((index) => ids[index] ?? missingIndex(index));
        const author = { ...testPerson, time: testPerson.time + i };
        ids.push(add({ message: `commit ${i}\n`, ...spec, parents, author }));
      }
      return ids;
    },
    forget(oid) {
      commits.delete(oid);
      blobs.delete(oid);
    },
  };
}

function compare(
  before: ReadonlyMap<string, FileState>,
  after: ReadonlyMap<string, FileState>,
): TreeChange[] {
  const changes: TreeChange[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(path) ?? null;
    const to = after.get(path) ?? null;
    if (from?.oid !== to?.oid || from?.mode !== to?.mode) changes.push({ path, from, to });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A path and what stands below it: a file takes the place of a folder of its name. */
function removePath(files: Map<string, FileState>, path: string): void {
  files.delete(path);
  for (const other of files.keys()) {
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) files.delete(other);
  }
}

function treeOf(files: ReadonlyMap<string, FileState>): ObjectId {
  return hash([...files].sort(byPath));
}

function byPath(a: readonly [string, FileState], b: readonly [string, FileState]): number {
  return Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]));
}

function hash(value: unknown): ObjectId {
  return createHash('sha1').update(JSON.stringify(value)).digest('hex');
}

function missing(oid: ObjectId): HeadwaterError {
  return new HeadwaterError('HW_OBJECT_MISSING', { message: `object ${oid} is not in the repository` });
}

function missingIndex(index: number): never {
  throw new Error(`a commit names parent ${index}, which comes after it`);
}
