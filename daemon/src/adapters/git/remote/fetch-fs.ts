import { createHash } from 'node:crypto';
import { join, relative, sep } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { createIsomorphicFs, type IsomorphicFs } from '../isomorphic-fs.ts';
import type { GitRepository } from '../open-repository.ts';
import { shallowHost } from './shallow-host.ts';

/**
 * The file system for a fetch by isomorphic-git: objects are written durably, and nothing else is written. The library would write
 * refs without git's locks, and needs a setting that says where to; it gets the setting, and its refs are dropped. The caller moves
 * refs itself, once everything is there.
 */
export function createFetchFs(repo: GitRepository, remote: string, url: string): IsomorphicFs {
  const base = createIsomorphicFs(repo).promises;
  const config = join(repo.commonDir, 'config');
  const setting = `[remote "${remote}"]\n\tfetch = +refs/*:refs/remotes/${remote}/*\n`;

  const readFile = async (path: string, options?: unknown) => {
    if (path !== config) return base.readFile(path, options as 'utf8');
    const encoding = typeof options === 'string' ? options : (options as { encoding?: string })?.encoding;
    return encoding === undefined ? Buffer.from(setting) : setting;
  };

  const writeFile = async (path: string, data: string | Uint8Array) => {
    const inside = relative(repo.commonDir, path);
    if (inside.startsWith(`refs${sep}`) || inside === 'packed-refs') return;
    if (inside === 'shallow') throw shallowHost(url);
    if (inside.endsWith('.pack')) checkPack(data as Uint8Array);
    await base.writeFile(path, data);
  };

  const unlink = async (path: string) => {
    // It removes the list of a shallow clone when there is nothing to list: there never was one.
    if (relative(repo.commonDir, path) !== 'shallow') await base.unlink(path);
  };

  return { promises: { ...base, readFile, writeFile, unlink } as unknown as IsomorphicFs['promises'] };
}

/** A pack ends with the hash of all that stands before; the library names the file by it and does not look. */
function checkPack(pack: Uint8Array): void {
  const end = pack.length - 20;
  const hash = createHash('sha1')
    .update(pack.subarray(0, Math.max(0, end)))
    .digest();
  if (end > 0 && hash.equals(pack.subarray(end))) return;
  throw new HeadwaterError('HW_UPSTREAM_UNREACHABLE', {
    message: 'what the host sent is damaged: its hash does not match',
    hint: 'It is fetched again by itself.',
  });
}
