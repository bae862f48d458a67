import { createIsomorphicObjectReader } from './isomorphic-object-reader.ts';
import { createNativeObjectReader } from './native-object-reader.ts';
import type { GitObjectReader } from './object-reader-base.ts';
import type { GitRepository } from './open-repository.ts';

export type { GitObjectReader } from './object-reader-base.ts';

/** The reader that suits this machine: native git where it is installed, isomorphic-git elsewhere. */
export async function createObjectReader(repo: GitRepository): Promise<GitObjectReader> {
  return repo.capabilities.nativeGit === null
    ? createIsomorphicObjectReader(repo)
    : createNativeObjectReader(repo);
}
