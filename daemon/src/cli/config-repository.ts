/** A config repository on this machine as commands see it: bare or with a work tree, at the tip of its branch. */
import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { createObjectReader } from '../adapters/git/object-reader.ts';
import { type GitRepository, openRepository } from '../adapters/git/open-repository.ts';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { maxFileBytes } from '../core/parse-config.ts';
import { RepoIndex } from '../core/repo-index.ts';
import type { CommitId, ObjectReader, RefStore, TreeEntry } from '../ports.ts';

export interface ConfigRepository {
  readonly path: string;
  readonly git: GitRepository;
  readonly reader: ObjectReader & Awaited<ReturnType<typeof createObjectReader>>;
  readonly refs: RefStore;
  /** Full name of the branch, for example "refs/heads/main". */
  readonly ref: string;
  /** `null` while the branch has no commit. */
  readonly tip: CommitId | null;
  /** Files of the tip. */
  files(): Promise<readonly TreeEntry[]>;
  /** What the tip holds. */
  index(): Promise<RepoIndex>;
  /** Content of a file at the tip, `null` when there is none. */
  read(path: string): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

export interface OpenConfigOptions {
  /** Short name. Default: the branch that HEAD names. */
  readonly branch?: string;
  /** True: only to be read, so a HEAD without a branch will do. */
  readonly anyHead?: boolean;
}

/** @throws HeadwaterError `HW_REPO_*`, `HW_BRANCH_MISSING`, `HW_WORK_TREE`. */
export async function openConfigRepository(
  path: string,
  { branch, anyHead = false }: OpenConfigOptions = {},
): Promise<ConfigRepository> {
  const git = await openRepository(resolve(path));
  const refs = createRefStore(git);
  const head = await refs.head();
  const ref = branch === undefined ? (head ?? (anyHead ? 'HEAD' : null)) : `refs/heads/${branch}`;
  if (ref === null) {
    throw new HeadwaterError('HW_BRANCH_MISSING', {
      message: `${path} has no branch checked out (its HEAD is detached)`,
      hint: 'Check a branch out: git switch main',
    });
  }
  if (git.workTree !== null && !anyHead && ref !== head) {
    throw new HeadwaterError('HW_WORK_TREE', {
      message: `${path} has ${head === null ? 'no branch' : shortBranch(head)} checked out, expected ${shortBranch(ref)}`,
      hint: `Switch to it first: git switch ${shortBranch(ref)}`,
    });
  }
  const tip = await refs.read(ref);
  const reader = await createObjectReader(git);
  let listed: Promise<readonly TreeEntry[]> | null = null;
  const files = () => {
    listed ??= tip === null ? Promise.resolve([]) : reader.listFiles(tip);
    return listed;
  };
  return {
    path,
    git,
    reader,
    refs,
    ref,
    tip,
    files,
    async index() {
      const index = await RepoIndex.create((oid, maxBytes) => reader.readBlob(oid, maxBytes));
      await index.apply(additions(await files()));
      return index;
    },
    async read(file) {
      const entry = (await files()).find((one) => one.path === file);
      return entry === undefined ? null : reader.readBlob(entry.oid, maxFileBytes);
    },
    close: () => reader.close(),
  };
}

/** A whole tree as changes against the empty one. */
export function additions(files: readonly TreeEntry[]) {
  return files.map(({ path, mode, oid }) => ({ path, from: null, to: { mode, oid } }));
}

export const shortBranch = (ref: string): string => ref.replace(/^refs\/heads\//, '');
