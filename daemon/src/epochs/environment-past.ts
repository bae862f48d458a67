import type { CommitPlace } from './place.ts';

/** The past of one environment, seen from a commit. */
export interface EnvironmentPast {
  /** Per service, the newest commit that changed one of its inputs. Empty when the environment is not declared at that commit. */
  readonly epochs: ReadonlyMap<string, CommitPlace>;
  /** Where services left that are not there any more. */
  readonly gone: ReadonlyMap<string, CommitPlace>;
}
