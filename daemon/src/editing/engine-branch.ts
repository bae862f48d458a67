import { type HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { noPolicy } from '../core/policy.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { FollowedBranch } from './followed-branch.ts';

export interface EngineBranchDeps {
  /** The running engine; `null` before the first commit was read. */
  readonly engine: () => EpochEngine | null;
  readonly era: () => number;
  readonly follow: FollowedBranch['follow'];
  readonly refusal: () => Promise<HeadwaterError | null>;
}

/** The followed branch as the epoch engine knows it. */
export function engineBranch(deps: EngineBranchDeps): FollowedBranch {
  const { engine } = deps;
  return {
    follow: deps.follow,
    refusal: deps.refusal,
    get at() {
      return engine()?.at ?? null;
    },
    get era() {
      return deps.era();
    },
    get policy() {
      return engine()?.policy ?? noPolicy;
    },
    get approvalObstacle() {
      return engine()?.approvalObstacle ?? null;
    },
    placeOf(commit) {
      try {
        return engine()?.placeOf(commit) ?? null;
      } catch (error) {
        if (isHeadwaterError(error, 'HW_OBJECT_MISSING')) return null;
        throw error;
      }
    },
    standing(env) {
      const track = engine()?.environments.get(env);
      if (!track) return null;
      return {
        live: (service) => track.live.get(service)?.epoch ?? null,
        held: track.held.map(({ service, since, finding }) => ({ service, since, code: finding.code })),
      };
    },
  };
}
