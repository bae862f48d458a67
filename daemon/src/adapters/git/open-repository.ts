import { existsSync, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { readGitConfig } from './git-config.ts';
import type { ObjectFormat } from './git-objects.ts';
import { nativeGitVersion } from './git-process.ts';

/** A repository on this machine, found and understood. Paths are absolute. */
export interface GitRepository {
  /** Holds HEAD; for a linked work tree its own folder below `commonDir`. */
  readonly gitDir: string;
  /** Holds objects and branches. */
  readonly commonDir: string;
  /** Folder with the checked-out files, `null` for a bare repository. */
  readonly workTree: string | null;
  readonly bare: boolean;
  readonly objectFormat: ObjectFormat;
  readonly capabilities: {
    /** Version of the installed git, `null` = do without. */
    readonly nativeGit: string | null;
  };
}

export interface OpenRepositoryOptions {
  /** `false` does without native git even where it is installed. Default true. */
  readonly useNativeGit?: boolean;
}

/**
 * Opens a bare repository, a work tree, its `.git`, or a linked work tree. Folders above `path` are not searched.
 * @throws HeadwaterError `HW_REPO_NOT_FOUND`, `HW_REPO_NOT_A_REPOSITORY`, `HW_REPO_UNSUPPORTED`.
 */
export async function openRepository(
  path: string,
  options: OpenRepositoryOptions = {},
): Promise<GitRepository> {
  try {
    return await open(path, options);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof HeadwaterError || code === undefined) throw error;
    throw new HeadwaterError('HW_REPO_NOT_FOUND', {
      message: `the repository at ${path} cannot be read (${code})`,
      hint: 'Check the permissions of the folder and of those above it.',
      details: { path, code },
      cause: error,
    });
  }
}

async function open(path: string, options: OpenRepositoryOptions): Promise<GitRepository> {
  const found = findGitDir(resolve(path));
  const commonDir = readCommonDir(found.gitDir);
  if (!isDirectory(join(commonDir, 'objects')) || !existsSync(join(found.gitDir, 'HEAD'))) {
    throw notARepository(path);
  }
  const config = await readGitConfig(join(commonDir, 'config'));
  const nativeGit = options.useNativeGit === false ? null : nativeGitVersion();
  const objectFormat = checkSupported(path, commonDir, config, nativeGit);
  const linked = found.gitDir !== commonDir;
  const bare = !linked && config.get('core.bare') === 'true';
  return {
    gitDir: found.gitDir,
    commonDir,
    workTree: bare ? null : (found.workTree ?? workTreeOf(found.gitDir, linked, config.get('core.worktree'))),
    bare,
    objectFormat,
    capabilities: { nativeGit },
  };
}

function findGitDir(path: string): { gitDir: string; workTree: string | null } {
  const stat = statOf(path);
  if (stat === null) {
    throw new HeadwaterError('HW_REPO_NOT_FOUND', {
      message: `there is no repository at ${path}: the path does not exist`,
      hint: 'Check the path given to --repo, or create a repository there with `headwater init`.',
      details: { path },
    });
  }
  if (stat.isFile()) return { gitDir: followGitFile(path), workTree: dirname(path) };
  const inside = join(path, '.git');
  const insideStat = statOf(inside);
  if (insideStat?.isFile()) return { gitDir: followGitFile(inside), workTree: path };
  if (insideStat?.isDirectory()) return { gitDir: inside, workTree: path };
  if (existsSync(join(path, 'HEAD'))) return { gitDir: path, workTree: null };
  throw notARepository(path);
}

/** A `.git` file of a linked work tree or a submodule: `gitdir: <path>`. */
function followGitFile(file: string): string {
  // A file of that name with anything else in it can be of any size; the pointer is short.
  if ((statOf(file)?.size ?? 0) > 8192) throw notARepository(file);
  const target = /^gitdir: (.+?)\r?\n?$/.exec(readFileSync(file, 'utf8'))?.[1];
  if (target === undefined) throw notARepository(file);
  return resolve(dirname(file), target);
}

function readCommonDir(gitDir: string): string {
  const file = join(gitDir, 'commondir');
  return existsSync(file) ? resolve(gitDir, readFileSync(file, 'utf8').trim()) : gitDir;
}

function checkSupported(
  path: string,
  commonDir: string,
  config: ReadonlyMap<string, string>,
  nativeGit: string | null,
): ObjectFormat {
  const refStorage = config.get('extensions.refstorage') ?? 'files';
  if (refStorage !== 'files') {
    throw unsupported(
      path,
      `it stores refs as "${refStorage}"`,
      'Convert it with `git refs migrate --ref-format=files`.',
    );
  }
  const objectFormat = config.get('extensions.objectformat') ?? 'sha1';
  if (objectFormat !== 'sha1' && objectFormat !== 'sha256') {
    throw unsupported(path, `its object format is "${objectFormat}"`, 'Use a SHA-1 repository.');
  }
  if (nativeGit === null && objectFormat === 'sha256') {
    throw unsupported(
      path,
      'its object format is sha256, which needs native git',
      'Install git, or use a SHA-1 repository.',
    );
  }
  if (nativeGit === null && existsSync(join(commonDir, 'objects/info/alternates'))) {
    throw unsupported(
      path,
      'it borrows objects from another repository, which needs native git',
      'Install git, or run `git repack -a -d` and remove objects/info/alternates.',
    );
  }
  return objectFormat;
}

function workTreeOf(gitDir: string, linked: boolean, configured: string | undefined): string | null {
  if (linked) {
    const back = join(gitDir, 'gitdir');
    return existsSync(back) ? dirname(resolve(gitDir, readFileSync(back, 'utf8').trim())) : null;
  }
  return configured === undefined ? dirname(gitDir) : resolve(gitDir, configured);
}

function unsupported(path: string, reason: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_REPO_UNSUPPORTED', {
    message: `the repository at ${path} cannot be used: ${reason}`,
    hint,
    details: { path },
  });
}

function notARepository(path: string): HeadwaterError {
  return new HeadwaterError('HW_REPO_NOT_A_REPOSITORY', {
    message: `${path} is not a git repository`,
    hint: 'Give the folder that holds `.git`, or a bare repository (`repo.git`). `headwater init` makes a new one.',
    details: { path },
  });
}

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() ?? false;
}
