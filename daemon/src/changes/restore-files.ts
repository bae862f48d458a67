import { classifyPath } from '../core/layout.ts';
import { maxFileBytes } from '../core/parse-config.ts';
import type { FileChange } from '../editing/edit.ts';
import type { FileState } from '../ports.ts';
import type { PlanDeps } from './change-plan.ts';

/** A file, and what shall be in its place; `null` = nothing. */
export interface Restoration {
  readonly path: string;
  readonly to: FileState | null;
}

/**
 * Files as they were, to be merged onto what is there now. Secrets files have a seal over all of their values, so no two versions of
 * one merge: they come back only while nobody touched them since.
 */
export async function restoreFiles(
  files: readonly Restoration[],
  { readBlob }: Pick<PlanDeps, 'readBlob'>,
): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const { path, to } of files) {
    const { kind } = classifyPath(path);
    // A link or a submodule is no file that Headwater would ever write.
    const content = to?.mode.startsWith('100') ? await readBlob(to.oid, maxFileBytes) : null;
    changes.push({ kind: kind === 'secrets' || kind === 'recipients' ? 'bytes' : 'file', path, content });
  }
  return changes;
}
