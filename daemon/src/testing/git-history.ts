import type { CommitId } from '../ports.ts';

/** One commit of a test history. Later commits name earlier ones by index. */
export interface CommitSpec {
  readonly parents: readonly number[];
  /** Path -> content, or another kind of entry. Applied to the files of the first parent. */
  readonly set?: Readonly<Record<string, string | SpecialFile>>;
  readonly remove?: readonly string[];
  readonly message?: string;
}

export interface SpecialFile {
  readonly mode: '100755' | '120000' | '160000';
  /** Content; for a submodule the commit id it names. */
  readonly content: string;
}

/** Makes the commits and returns their ids in the same order. No ref is moved. */
export type BuildHistory = (commits: readonly CommitSpec[]) => Promise<readonly CommitId[]>;

/** Who wrote the commits of a test history, and when. */
export const testPerson = { name: 'Tess Tér', email: 'tess@example.org', time: 1_700_000_000 };
