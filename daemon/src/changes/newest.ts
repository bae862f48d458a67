import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitId } from '../ports.ts';
import type { PlanDeps } from './change-plan.ts';

/** The repository as the newest commit has it. */
export interface Newest {
  readonly index: RepoIndex;
  readonly commit: CommitId;
}

/** @throws HeadwaterError `HW_BRANCH_MISSING` before the first commit was read. */
export function newest({ index }: Pick<PlanDeps, 'index'>): Newest {
  const read = index();
  if (read?.at) return { index: read, commit: read.at };
  throw new HeadwaterError('HW_BRANCH_MISSING', {
    message: 'the daemon has not read the followed branch yet',
    hint: 'Try again in a moment; `headwater status` says what it waits for.',
  });
}
