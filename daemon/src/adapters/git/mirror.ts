/** The repository in the data folder when it mirrors another one: made empty, and marked with the address it belongs to. */
import { randomBytes } from 'node:crypto';
import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { SyncMark } from '../../upstream/upstream.ts';
import { makeFolderDurably, storageFailed, syncFolder, writeFileDurably } from './durable-fs.ts';
import { readGitConfig } from './git-config.ts';
import type { ObjectFormat } from './git-objects.ts';
import { type GitRepository, openRepository } from './open-repository.ts';
import { writeSkeleton } from './repository-skeleton.ts';

export interface MirrorOptions {
  readonly url: string;
  readonly branch: string;
  /** Default `sha1`; counts for a mirror that has nothing yet. */
  readonly objectFormat?: ObjectFormat;
  readonly useNativeGit?: boolean;
}

/**
 * Opens the mirror at `path`, or makes an empty one. One that was made for another address goes on with the new one: what may be
 * published is judged by the history, not by where it comes from.
 * @throws HeadwaterError `HW_UPSTREAM_CHANGED` when the repository there is nobody's mirror; `HW_REPO_*`, `HW_STORAGE_FAILED`.
 */
export async function openMirror(path: string, options: MirrorOptions): Promise<GitRepository> {
  const open = () => openRepository(path, { useNativeGit: options.useNativeGit ?? true });
  if (!existsSync(path)) {
    await make(path, options);
    return open();
  }
  const before = await upstreamOf(path);
  if (before === null) {
    throw new HeadwaterError('HW_UPSTREAM_CHANGED', {
      message: `${path} is a repository of its own, and following ${options.url} would overwrite its branch`,
      hint: 'Push it to that address and start with a new data folder, or go on without --repo.',
    });
  }
  if (before !== options.url) await writeConfig(path, options, (await open()).objectFormat);
  return open();
}

/** Changes the kind of ids of a mirror that has no object yet. @throws HeadwaterError `HW_UPSTREAM_CHANGED` when it has some. */
export async function changeFormat(
  path: string,
  options: MirrorOptions,
  objectFormat: ObjectFormat,
): Promise<GitRepository> {
  const names = await Promise.all(['objects', 'objects/pack'].map((folder) => readdir(join(path, folder))));
  if (names.flat().some((name) => name !== 'info' && name !== 'pack')) {
    throw new HeadwaterError('HW_UPSTREAM_CHANGED', {
      message: `the repository at ${options.url} has ${objectFormat} ids, and the mirror at ${path} holds others`,
      hint: 'It is another repository now: start with a new data folder.',
    });
  }
  await writeConfig(path, options, objectFormat);
  return openRepository(path, { useNativeGit: options.useNativeGit ?? true });
}

/** Address that the repository mirrors; `null` = it is no mirror. */
export async function upstreamOf(path: string): Promise<string | null> {
  return (await readGitConfig(join(path, 'config'))).get('headwater.upstream') ?? null;
}

/** When the mirror was last in step: the time of a file, so that it costs nothing and hurts nobody when it is lost. */
export function createSyncMark(repo: GitRepository): SyncMark {
  const file = join(repo.commonDir, 'headwater-synced');
  return {
    read: () => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null,
    write(time) {
      try {
        writeFileSync(file, '');
        utimesSync(file, time / 1000, time / 1000);
      } catch (error) {
        throw storageFailed('write', file, error);
      }
    },
  };
}

async function make(path: string, options: MirrorOptions): Promise<void> {
  const parent = dirname(path);
  await makeFolderDurably(parent);
  const building = join(parent, `.${basename(path)}.${randomBytes(6).toString('hex')}.new`);
  try {
    const config = configText(options.url, options.objectFormat ?? 'sha1');
    await writeSkeleton(building, `refs/heads/${options.branch}`, config);
    await rename(building, path).catch((error) => Promise.reject(storageFailed('rename', path, error)));
    await syncFolder(parent);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

async function writeConfig(path: string, { url }: MirrorOptions, format: ObjectFormat): Promise<void> {
  await writeFileDurably(join(path, 'config'), Buffer.from(configText(url, format)));
}

function configText(url: string, format: ObjectFormat): string {
  const isSha256 = format === 'sha256';
  return [
    '[core]',
    `\trepositoryformatversion = ${isSha256 ? 1 : 0}`,
    '\tfilemode = true',
    '\tbare = true',
    '\tfsync = all',
    ...(isSha256 ? ['[extensions]', '\tobjectformat = sha256'] : []),
    '[gc]',
    '\tauto = 0',
    // A push into the mirror would be overwritten by the next look at the host: it belongs there.
    '[receive]',
    '\thideRefs = refs',
    '[headwater]',
    // Addresses hold neither quotes nor backslashes.
    `\tupstream = "${url}"`,
    '',
  ].join('\n');
}
