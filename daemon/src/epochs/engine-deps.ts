import type { ApprovedChange, OpenedApproval } from '@headwater/schemas/protocol';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { ObjectReader } from '../ports.ts';
import type { RepositoryRules } from './structure.ts';

/** What the epoch engine needs: a reader of history, an index of trees, and a judge of inputs. */
export interface EngineDeps {
  readonly reader: ObjectReader;
  readonly createIndex: () => Promise<RepoIndex>;
  readonly judge: (inputs: ServiceInputs) => Promise<ServiceJudgement>;
  readonly rules: RepositoryRules;
  /** How many of its newest commits are known of every environment. Default: as many as a statement lists. */
  readonly recent?: number;
  /** Without it no approval counts. */
  readonly approvals?: ApprovalCheck;
}

/** Judges approvals by the keys of the deployment. */
export interface ApprovalCheck {
  /** Opens the value of a trailer. @throws HeadwaterError as `openApproval`, saying why it does not count. */
  open(text: string, change: Omit<ApprovedChange, 'deployment'>): OpenedApproval;
  /** `seq` of the newest epoch known to be published in an environment, 0 for none: so far approvals under keys revoked since count. */
  publishedSeq(env: string): number;
}
