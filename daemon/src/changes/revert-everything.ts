import type { RevertEverything } from '@headwater/schemas/http';
import { classifyPath } from '../core/layout.ts';
import type { TreeChange } from '../ports.ts';
import type { Sight } from '../timeline/history.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { newest } from './newest.ts';
import { restoreFiles } from './restore-files.ts';

/**
 * Takes every service, shared value and preset back to a commit or time. The settings of the repository stay, and so do secrets and
 * their readers, except where a service itself comes or goes.
 * @throws HeadwaterError `HW_NOT_FOUND`.
 */
export async function revertEverything(
  { to, allowRemoval }: RevertEverything,
  sight: Sight,
  deps: PlanDeps,
): Promise<ChangePlan> {
  const at = newest(deps);
  const commit = await deps.history.commitOf(to, sight);
  const changes = await deps.reader.diff(at.commit, commit);
  const movers = servicesThatComeOrGo(changes);
  const files = changes.filter(({ path }) => {
    const role = classifyPath(path);
    if (role.kind === 'secrets' || role.kind === 'recipients') return movers.has(role.folder);
    return ['base', 'overlay', 'shared', 'schema', 'preset'].includes(role.kind);
  });
  return {
    base: at.commit,
    files: await restoreFiles(files, deps),
    message: `Take everything back to ${commit.slice(0, 7)}`,
    trailers: allowRemoval === undefined ? [] : [['Headwater-Allow-Removal', String(allowRemoval)]],
  };
}

/** Folders of services whose base file comes or goes, or moves: everything of theirs goes along. */
function servicesThatComeOrGo(changes: readonly TreeChange[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const { path, from, to } of changes) {
    const role = classifyPath(path);
    if (role.kind === 'base' && (from === null || to === null)) folders.add(role.folder);
  }
  return folders;
}
