import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { add } from 'isomorphic-git';
import type { SignCommit } from '../../core/signatures/commit-signer.ts';
import type { CommitId, Person } from '../../ports.ts';
import { createCommitWriter } from './commit-writer.ts';
import { makeFolderDurably, storageFailed, syncFolder } from './durable-fs.ts';
import { createIsomorphicObjectReader } from './isomorphic-object-reader.ts';
import { type GitRepository, openRepository } from './open-repository.ts';
import { checkRefName } from './ref-name.ts';
import { createRefStore } from './ref-store.ts';
import { writeSkeleton } from './repository-skeleton.ts';

export interface NewRepository {
  /** `true`: no work tree. `false`: the files are checked out and `git status` is clean. */
  readonly bare: boolean;
  /** Short branch name: "main". */
  readonly branch: string;
  /** Path -> content of the first commit. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly message: string;
  readonly author: Person;
  /** Signs the commit. Default: it is not signed. */
  readonly sign?: SignCommit;
  /** More git config of this repository, keys of one section side by side: full key ("merge.headwater.driver") -> value. */
  readonly config?: ReadonlyMap<string, string>;
}

/**
 * Makes a repository with one commit at `path`, which must not exist or be an empty folder. Needs no native git. It is built
 * beside its place and renamed: after a crash there is a whole repository or none.
 * @throws HeadwaterError `HW_UNSAFE_OUTPUT` when something is there, `HW_NAME_INVALID`, `HW_STORAGE_FAILED`.
 */
export async function createRepository(path: string, content: NewRepository): Promise<CommitId> {
  const target = resolve(path);
  const ref = `refs/heads/${content.branch}`;
  checkRefName(ref);
  await refuseOccupied(target);
  const parent = dirname(target);
  await makeFolderDurably(parent);
  const building = join(parent, `.${basename(target)}.${randomBytes(6).toString('hex')}.new`);
  try {
    const gitDir = content.bare ? building : join(building, '.git');
    await writeSkeleton(gitDir, ref, configText(content));
    const repo = await openRepository(building, { useNativeGit: false });
    const commit = await writeFirstCommit(repo, ref, content);
    if (!content.bare) await checkOut(building, content.files);
    await rename(building, target).catch((error) => Promise.reject(storageFailed('rename', target, error)));
    await syncFolder(parent);
    return commit;
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

async function refuseOccupied(path: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    throw code === 'ENOTDIR' ? occupied(path, 'it is a file') : storageFailed('list', path, error);
  }
  if (names.length > 0) throw occupied(path, `it holds ${names.slice(0, 3).join(', ')}`);
}

function occupied(path: string, reason: string): HeadwaterError {
  return new HeadwaterError('HW_UNSAFE_OUTPUT', {
    message: `no repository can be made at ${path}: ${reason}`,
    hint: 'Choose a path that does not exist yet.',
    details: { path },
  });
}

function configText({ bare, config = new Map() }: NewRepository): string {
  const core = ['repositoryformatversion = 0', 'filemode = true', `bare = ${bare}`];
  // git does not wait for the disk unless told so; what others push here is published, so it must survive too.
  const lines = ['[core]', ...core, 'fsync = committed,reference'];
  if (bare) lines.push('[receive]', 'denyDeletes = true', 'denyNonFastForwards = true');
  for (const [key, value] of config) {
    const [section = '', ...rest] = key.split('.');
    const name = rest.pop() ?? '';
    const header = rest.length === 0 ? `[${section}]` : `[${section} ${quoted(rest.join('.'))}]`;
    if (!lines.includes(header)) lines.push(header);
    lines.push(`${name} = ${quoted(value)}`);
  }
  return `${lines.map((line) => (line.startsWith('[') ? line : `\t${line}`)).join('\n')}\n`;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

async function writeFirstCommit(repo: GitRepository, ref: string, content: NewRepository): Promise<CommitId> {
  const signing = content.sign ? { sign: content.sign } : {};
  const writer = createCommitWriter(repo, createIsomorphicObjectReader(repo), createRefStore(repo), signing);
  return writer.commit({
    ref,
    expected: null,
    edits: [...content.files].map(([path, bytes]) => ({ path, content: bytes })),
    message: content.message,
    author: content.author,
    committer: content.author,
  });
}

/** Writes the files and the index that git compares them with. */
async function checkOut(workTree: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(workTree, path)), { recursive: true });
    await writeFile(join(workTree, path), bytes);
  }
  await add({ fs, dir: workTree, filepath: [...files.keys()] });
}
