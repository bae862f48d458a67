/** What people can see and do about a rewritten branch: implemented by the running daemon, faked in tests of the HTTP API. */
import type { AcceptedRewrite, EraState, RewritePreview } from '@headwater/schemas/http';

export interface RewriteReview {
  state(): EraState;
  /** @throws HeadwaterError `HW_NO_REWRITE`, `HW_BRANCH_MISSING`, or what makes the new history unreadable. */
  preview(): Promise<RewritePreview>;
  /**
   * Starts a new era at `tip`, if the refused branch is still there.
   * @throws HeadwaterError `HW_REF_MOVED` when it is not, `HW_NO_REWRITE`, `HW_BRANCH_MISSING`, `HW_STORAGE_FAILED`.
   */
  accept(tip: string): Promise<AcceptedRewrite>;
}
