import { chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { makeFolderDurably, writeFileDurably } from '../git/durable-fs.ts';
import { type OwnerLock, takeOwnerLock } from './owner-lock.ts';

/** Version of the folder's layout that this program writes. */
const layoutVersion = 1;

/** Two daemons that start at the same moment may both step back; a second look lets one of them in. */
const lockWaitMs = 150;

/** Where a daemon keeps everything of its own. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  /** Made by the key store. */
  readonly keysDir: string;
  readonly lkgDir: string;
  /** The hosted repository or the mirror; made by whoever needs it. */
  readonly repoDir: string;
  /** Folder of a lock between processes, see `takeOwnerLock`. */
  lockDir(name: string): string;
  /** Gives up the exclusive lock, if held. */
  release(): Promise<void>;
}

/**
 * Opens a data folder. `exclusive: true` is the daemon: makes the folder (mode 0700) when it is new and keeps every other daemon
 * out until `release` or the end of the process, however it ends. `exclusive: false` is a command beside it: the folder must exist.
 * @throws HeadwaterError `HW_DATA_NOT_WRITABLE`, `HW_DATA_EXPOSED` when others have access, `HW_DATA_VERSION` when it is of a newer
 *   version or no data folder, `HW_DATA_IN_USE`, `HW_NOT_FOUND`.
 */
export async function openDataFolder(
  path: string,
  options: { readonly exclusive: boolean },
): Promise<DataFolder> {
  const root = resolve(path);
  try {
    if (options.exclusive) await makePrivateFolder(root);
    await checkAccess(root);
    await checkVersion(root, options.exclusive);
    const lock = options.exclusive ? await takeDaemonLock(root) : null;
    if (options.exclusive) await mkdir(join(root, 'lkg'), { recursive: true, mode: 0o700 });
    return {
      path: root,
      keysDir: join(root, 'keys'),
      lkgDir: join(root, 'lkg'),
      repoDir: join(root, 'repo.git'),
      lockDir: (name) => join(root, 'locks', name),
      release: async () => lock?.release(),
    };
  } catch (error) {
    throw error instanceof HeadwaterError && error.code !== 'HW_STORAGE_FAILED'
      ? error
      : notWritable(root, error);
  }
}

async function makePrivateFolder(root: string): Promise<void> {
  const isNew = await mkdir(root, { recursive: true, mode: 0o700 });
  if (isNew === undefined) return;
  // The umask may have taken bits away that the owner needs.
  await chmod(root, 0o700);
  await makeFolderDurably(root);
}

async function checkAccess(root: string): Promise<void> {
  const info = await stat(root).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no data folder at ${root}`,
      hint: 'Give --data the folder of your daemon, or start one: headwater serve --data DIR.',
      cause,
    });
  });
  // Windows has no such bits; there the folder's own access list counts.
  if (process.platform === 'win32' || (info.mode & 0o077) === 0) return;
  throw new HeadwaterError('HW_DATA_EXPOSED', {
    message: `other users of this machine can get into ${root} (mode ${(info.mode & 0o777).toString(8)}, expected 700)`,
    hint: `It holds keys and tokens. Close it: chmod 700 '${root}'`,
  });
}

async function checkVersion(root: string, mayWrite: boolean): Promise<void> {
  const file = join(root, 'version');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) {
    const foreign = (await readdir(root)).filter((name) => !name.startsWith('.hw-'));
    if (foreign.length > 0 || !mayWrite) throw notOurs(root, foreign);
    await writeFileDurably(file, Buffer.from(`${layoutVersion}\n`), { mode: 0o600 });
    return;
  }
  const version = /^[1-9]\d{0,5}\n?$/.test(text) ? Number(text) : null;
  if (version !== null && version <= layoutVersion) return;
  throw new HeadwaterError('HW_DATA_VERSION', {
    message:
      version === null
        ? `${file} holds no version number, expected ${layoutVersion}`
        : `the data folder ${root} has version ${version}, this program knows ${layoutVersion} at most`,
    hint:
      version === null
        ? `If this is a data folder of this version, write ${layoutVersion} into that file.`
        : 'A newer Headwater wrote it: run that version, or start with another folder.',
    details: { expected: layoutVersion, actual: version },
  });
}

/** Keys and tokens must not be spilled into, say, a project's folder given by mistake. */
function notOurs(root: string, names: readonly string[]): HeadwaterError {
  const found = names.length > 0 ? `it holds ${names.slice(0, 3).join(', ')} and` : 'it has';
  return new HeadwaterError('HW_DATA_VERSION', {
    message: `${root} is no Headwater data folder: ${found} no "version" file`,
    hint: 'Give --data a new or empty folder, or the one that an earlier start made.',
  });
}

async function takeDaemonLock(root: string): Promise<OwnerLock> {
  const lock = await takeOwnerLock(join(root, 'locks', 'daemon'), lockWaitMs);
  if ('release' in lock) return lock;
  throw new HeadwaterError('HW_DATA_IN_USE', {
    message: `another daemon (process ${lock.pid}) uses ${root}`,
    hint: 'Stop it first, or give this one a folder of its own with --data.',
    details: { pid: lock.pid },
  });
}

function notWritable(root: string, cause: unknown): HeadwaterError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return new HeadwaterError('HW_DATA_NOT_WRITABLE', {
    message: `cannot use ${root} as data folder: ${code === 'HW_STORAGE_FAILED' ? (cause as Error).message : code}`,
    hint: 'Give --data a folder that this user may make and write, on a disk with free space.',
    cause,
  });
}
