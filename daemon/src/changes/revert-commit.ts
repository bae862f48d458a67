import type { RevertCommit } from '@headwater/schemas/http';
import type { Sight } from '../timeline/history.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { restoreFiles } from './restore-files.ts';

/**
 * Undoes one commit: each file it changed goes from how the commit left it to how it found it, merged onto what is there now.
 * @throws HeadwaterError `HW_NOT_FOUND`, also for a commit that the caller may not see.
 */
export async function revertCommit(
  { commit }: RevertCommit,
  sight: Sight,
  deps: PlanDeps,
): Promise<ChangePlan> {
  const entry = await deps.history.entry(commit, sight);
  const { id, message } = entry.commit;
  const subject = message.split('\n', 1)[0]?.trim() || id.slice(0, 12);
  return {
    base: id,
    files: await restoreFiles(
      entry.changes.map(({ path, from }) => ({ path, to: from })),
      deps,
    ),
    message: `Revert "${subject}"`,
    // What `git revert` writes, and what the history reads.
    note: `This reverts commit ${id}.`,
  };
}
