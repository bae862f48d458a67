/** Approvals of commits in protected environments: given by this daemon, and judged by the keys of the deployment. Spec: docs/protocol.md §10.3. */
import {
  type Approval,
  type ApprovedChange,
  approvalTrailer,
  type CryptoBackend,
  HeadwaterError,
  type Keyring,
  openApproval,
  type SigningKey,
  signApproval,
} from '@headwater/schemas/protocol';
import type { ApprovalCheck } from './epochs/engine-deps.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import type { Clock } from './ports.ts';

export interface ApprovalsDeps {
  readonly deployment: string;
  /** Key that signs now. Asked each time: keys are rotated while the daemon runs. */
  readonly signer: () => SigningKey;
  readonly keyring: () => Keyring;
  /** `null` before the first commit. */
  readonly engine: () => EpochEngine | null;
  /** See `ApprovalCheck`. */
  readonly publishedSeq: (env: string) => number;
  readonly clock: Clock;
  readonly crypto: CryptoBackend;
}

type Decided<A> = A extends Approval ? Omit<A, keyof ApprovedChange | 'v' | 'issuedAt'> : never;

/** Who decided, and about what: a proposal with its approvers, or an act of breaking the glass. */
export type ApprovalDecision = Decided<Approval>;

export interface Approvals {
  /** For the epoch engine. */
  readonly check: ApprovalCheck;
  /**
   * Approves the commit that is about to be made with this tree on this first parent. Whether the deciders may decide is for the caller to judge.
   * @returns The trailer that the commit must carry.
   * @throws HeadwaterError `HW_REF_MOVED` when the engine stands at another commit, `HW_UNAPPROVED` or `HW_COMMIT_*` when something waits at the
   *   parent that would ride along, else as `signApproval`.
   */
  approve(
    decision: ApprovalDecision,
    change: Omit<ApprovedChange, 'deployment'>,
  ): readonly [key: string, value: string];
}

export function createApprovals(deps: ApprovalsDeps): Approvals {
  const { deployment, crypto } = deps;
  return {
    check: {
      open: (text, change) => openApproval(text, { ...change, deployment }, deps.keyring(), crypto),
      publishedSeq: deps.publishedSeq,
    },
    approve(decision, { parent, tree }) {
      refuseUnfitParent(parent, deps.engine());
      const issuedAt = new Date(deps.clock.now()).toISOString();
      const approval: Approval = { ...decision, v: 1, deployment, parent, tree, issuedAt };
      return [approvalTrailer, signApproval(approval, deps.signer(), crypto)];
    },
  };
}

/** Whoever approves a change has seen what it changes, and not what waits below it. */
function refuseUnfitParent(parent: string, engine: EpochEngine | null): void {
  if (engine?.at?.commit !== parent) {
    throw new HeadwaterError('HW_REF_MOVED', {
      message: `the change is made on ${parent.slice(0, 7)}, and the branch is at ${engine?.at?.commit.slice(0, 7) ?? 'no commit'}`,
      hint: 'Look at the change on the newest commit, and approve that.',
      details: { expected: parent, actual: engine?.at?.commit ?? null },
    });
  }
  const obstacle = engine.approvalObstacle;
  if (obstacle === null) return;
  throw new HeadwaterError(obstacle.code, {
    message: `nothing can be approved on top of ${parent.slice(0, 7)}: ${obstacle.message}`,
    hint: `Deal with that first. ${obstacle.hint}`,
  });
}
