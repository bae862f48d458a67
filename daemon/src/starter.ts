/** The starter: a whole config repository to begin with, from this project's `config-repo/` and `schemas/services/`. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { classifyPath } from './core/layout.ts';

/** From `src/` and from `dist/` alike it is two folders up. */
const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Files of the starter by path in the repository, sorted.
 * @throws HeadwaterError `HW_NOT_FOUND` when the program does not lie in a checkout of the project.
 */
export async function starterFiles(root = projectRoot): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const config = join(root, 'config-repo');
  const schemas = join(root, 'schemas/services');
  try {
    for (const file of await filesBelow(config)) {
      const path = relative(config, file).split(sep).join('/');
      if (isStarterFile(path)) files.set(path, await readFile(file));
    }
    for (const name of await readdir(schemas)) {
      if (name.endsWith('.schema.json')) files.set(`schemas/${name}`, await readFile(join(schemas, name)));
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `the starter is not at ${config}`,
      hint: 'Run headwater from a checkout of the project, or make an empty repository with `headwater init`.',
      cause,
    });
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The project keeps tests beside the starter; they are no part of it. */
function isStarterFile(path: string): boolean {
  const { kind } = classifyPath(path);
  return path === 'README.md' || path === '.gitattributes' || (kind !== 'other' && kind !== 'bad');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
