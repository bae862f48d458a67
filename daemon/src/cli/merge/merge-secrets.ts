import type { CliContext } from '../context.ts';
import type { MergeReport, Versions } from './merge-report.ts';

export interface SecretsMerge extends Omit<MergeReport, 'how'> {
  /** What to write. */
  readonly content: Uint8Array;
}

/**
 * Opens versions of a SOPS file and merges what they say.
 * @returns The merged file, or the pointers of what both sides changed. Values are never shown.
 * @throws HeadwaterError when a version cannot be opened.
 */
export type SopsMerger = (
  versions: Versions,
  context: CliContext,
) => Promise<{ readonly content: Uint8Array } | { readonly conflicts: readonly string[] }>;

/**
 * Merges a secrets file. What cannot be merged becomes ONE region with both files whole: every line of a SOPS file belongs to its MAC,
 * so a mixture of lines would open for nobody.
 */
export async function mergeSecrets(
  versions: Versions,
  context: CliContext,
  merge: SopsMerger,
): Promise<SecretsMerge> {
  try {
    const merged = await merge(versions, context);
    if ('content' in merged) return { merged: true, conflicts: [], content: merged.content };
    return { merged: false, conflicts: merged.conflicts, content: bothWhole(versions) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { merged: false, conflicts: [], content: bothWhole(versions), reason };
  }
}

function bothWhole({ ours, theirs }: Versions): Uint8Array {
  const parts = ['<<<<<<< ours\n', ended(ours), '=======\n', ended(theirs), '>>>>>>> theirs\n'];
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

const ended = (bytes: Uint8Array): Uint8Array =>
  bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
