import { describeEpoch, HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitPlace } from '../epochs/place.ts';
import type { CommitId } from '../ports.ts';

/** The command that puts the followed branch back to a commit. */
export type PutBack = (commit: CommitId, tip: CommitId | null) => string;

export interface RewriteFacts {
  readonly branch: string;
  readonly tip: CommitId | null;
  /** What was published last. */
  readonly live: CommitPlace;
  /** `null`: that commit is not in the repository, so no branch can be put there. */
  readonly putBack: PutBack | null;
}

const accept = 'or accept the history as it is: headwater epoch accept-rewrite';

/** Why a branch is refused, with both ways out. */
export function rewritten({ branch, tip, live, putBack }: RewriteFacts): HeadwaterError {
  const at = tip === null ? 'gone' : `at ${tip.slice(0, 7)}`;
  if (putBack === null) {
    return new HeadwaterError('HW_HISTORY_REWRITTEN', {
      message: `${describeEpoch(live)} was published, and the repository does not have it; the branch "${branch}" is ${at}`,
      hint: `What was published stays live. Bring the commit back from a clone or a newer backup, ${accept}.`,
    });
  }
  return new HeadwaterError('HW_HISTORY_REWRITTEN', {
    message: `the branch "${branch}" is ${at}, which does not descend from what was published, ${describeEpoch(live)}`,
    hint: `What was published stays live. Put the branch back: ${putBack(live.commit, tip)} – ${accept}.`,
  });
}
