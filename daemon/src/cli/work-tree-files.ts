/** The files of a work tree as they lie on disk, read so that nothing in it can lead elsewhere. */
import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { hashObject } from '../adapters/git/git-objects.ts';
import type { ReadBlob } from '../core/files.ts';
import { maxFileBytes } from '../core/parse-config.ts';
import type { TreeEntry } from '../ports.ts';
import type { CliContext } from './context.ts';
import { runGit } from './run-git.ts';

export interface WorkTreeFiles {
  readonly files: readonly TreeEntry[];
  readonly readBlob: ReadBlob;
}

/** Places that Headwater reads; nothing else of the work tree is looked at. */
const places: ReadonlySet<string> = new Set([
  ...['headwater.json', 'allowed_signers', '.sops.yaml', 'services', 'schemas', 'presets'],
]);

/**
 * What would be committed now: files that git does not ignore. Links are listed as links and never followed. The ids are those
 * that git would give the same bytes.
 * @param hasGit Without native git ignored files are listed too.
 */
export async function readWorkTree(
  root: string,
  hasGit: boolean,
  context: CliContext,
): Promise<WorkTreeFiles> {
  const ignored = hasGit ? await ignoredPaths(root, context) : new Set<string>();
  const contents = new Map<string, Uint8Array>();
  const files: TreeEntry[] = [];
  for await (const { path, entry } of walk(root, '', ignored)) {
    const { mode, bytes, size } = await readEntry(join(root, path), entry);
    // A file above the limit is refused by its size alone; any id that is its own will do.
    const oid =
      bytes === null
        ? createHash('sha1').update(`${size} ${path}`).digest('hex')
        : hashObject('blob', bytes, 'sha1');
    if (bytes !== null) contents.set(oid, bytes);
    files.push({ path, mode, oid });
  }
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    async readBlob(oid, maxBytes) {
      const bytes = contents.get(oid);
      if (bytes !== undefined && bytes.length <= maxBytes) return bytes;
      throw new HeadwaterError('HW_FILE_TOO_LARGE', {
        message: `the file is larger than ${Math.round(maxBytes / 1024)} KiB`,
        hint: 'Move large data out of the configuration.',
      });
    },
  };
}

async function* walk(
  root: string,
  folder: string,
  ignored: ReadonlySet<string>,
): AsyncGenerator<{ path: string; entry: Dirent }> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (folder === '' && !places.has(entry.name.toLowerCase())) continue;
    if (entry.name === '.git' || ignored.has(path)) continue;
    if (entry.isDirectory()) yield* walk(root, path, ignored);
    else yield { path, entry };
  }
}

async function readEntry(
  file: string,
  entry: Dirent,
): Promise<{ mode: string; bytes: Uint8Array | null; size: number }> {
  if (entry.isSymbolicLink()) return { mode: '120000', bytes: Buffer.from(await readlink(file)), size: 0 };
  // A pipe or device would block or never end.
  if (!entry.isFile()) return { mode: '160000', bytes: new Uint8Array(), size: 0 };
  const handle = await open(
    file,
    constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
  );
  try {
    const { size, mode } = await handle.stat();
    const bytes = size > maxFileBytes ? null : await handle.readFile();
    return { mode: (mode & 0o100) === 0 ? '100644' : '100755', bytes, size };
  } finally {
    await handle.close();
  }
}

/** Files, and folders without their last slash. */
async function ignoredPaths(root: string, context: CliContext): Promise<ReadonlySet<string>> {
  const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z'];
  const { stdout } = await runGit(root, args, context);
  return new Set(stdout.split('\0').map((path) => path.replace(/\/$/, '')));
}
