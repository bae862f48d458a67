import type { HeadwaterError } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';
import type { Policy } from '../core/policy.ts';
import type { CommitPlace } from '../epochs/place.ts';
import type { CommitId } from '../ports.ts';

/** Where the daemon stands on the branch that it follows, as the editor needs to know it. */
export interface FollowedBranch {
  /**
   * Looks at the branch now and waits until the daemon has followed what it found; not for ever, when a broker does not answer.
   * @param refresh Somebody else moved the branch: a host that is mirrored is asked first.
   */
  follow(options: { readonly refresh: boolean }): Promise<void>;
  /** Why nothing may be built on it now, or `null`. */
  refusal(): Promise<HeadwaterError | null>;
  /** Commit that everything known here speaks of; `null` = none yet. */
  readonly at: CommitPlace | null;
  /** Place of a commit of its history, or `null`. */
  placeOf(commit: CommitId): CommitPlace | null;
  /** Era in force. */
  readonly era: number;
  /** Policy in force for the next commit. */
  readonly policy: Policy;
  /** Why no approval may be given now: something waits that would ride along. `null` when one may. */
  readonly approvalObstacle: Finding | null;
  /** Where an environment stands; `null` when it is not declared. */
  standing(env: string): Standing | null;
}

export interface Standing {
  /** Service epoch of what is live; `null` = the service is not. */
  live(service: string): CommitPlace | null;
  /** What waits there: a service, or "*" for all of it. */
  readonly held: readonly { readonly service: string; readonly since: CommitPlace; readonly code: string }[];
}
