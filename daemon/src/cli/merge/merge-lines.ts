import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from '../context.ts';
import { runGit } from '../run-git.ts';
import type { MergeFiles } from './merge-report.ts';

/**
 * What git does without a driver: merges lines, with conflict markers in the file.
 * @returns False when lines are in conflict.
 * @throws HeadwaterError `HW_WORK_TREE` when git cannot do it either.
 */
export async function mergeLines(files: MergeFiles, context: CliContext): Promise<boolean> {
  const labels = ['-L', 'ours', '-L', 'base', '-L', 'theirs'];
  const ran = await runGit(
    context.cwd,
    ['merge-file', '--quiet', ...labels, '--', files.ours, files.base, files.theirs],
    context,
  );
  if (ran.ok) return true;
  // The number of conflicts is the exit code; above 127 it is an error.
  if (ran.exit !== null && ran.exit < 128) return false;
  throw new HeadwaterError('HW_WORK_TREE', {
    message: `${files.path} can be merged neither by settings nor by lines`,
    hint: 'Keep one version with `git checkout --ours` or `--theirs`, and repeat the other change by hand.',
  });
}
