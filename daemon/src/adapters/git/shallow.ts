import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitId } from '../../ports.ts';
import type { GitRepository } from './open-repository.ts';

/** Commits whose parents a shallow clone left out. Read again when a fetch changed the list; a whole clone has no list. */
export function createShallowCheck(repo: GitRepository): (id: CommitId) => boolean {
  const file = join(repo.commonDir, 'shallow');
  let stamp = '';
  let ids: ReadonlySet<string> = new Set();
  return (id) => {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const now = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    if (now !== stamp) {
      ids = new Set(readFileSync(file, 'latin1').split('\n'));
      stamp = now;
    }
    return ids.has(id);
  };
}
