import { maxRecentServices, type RecentEpoch } from '@headwater/schemas/protocol';
import type { CommitPlace } from './place.ts';

/** One entry of a statement's `recent`: the services that moved at a commit, with their seq. */
export function recentEntry(place: CommitPlace, moved: ReadonlyMap<string, number>): RecentEpoch {
  return { ...place, services: moved.size > maxRecentServices ? '*' : Object.fromEntries(moved) };
}

/** The past of one environment, seen from a commit. */
export interface EnvironmentPast {
  /** Per service, the newest commit that changed one of its inputs. Empty when the environment is not declared at that commit. */
  readonly epochs: ReadonlyMap<string, CommitPlace>;
  /** Where services left that are not there any more. */
  readonly gone: ReadonlyMap<string, CommitPlace>;
  /** The newest commits with the services they moved, newest first, as if none of them had been held. */
  readonly recent: readonly RecentEpoch[];
}
