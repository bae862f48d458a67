import { type SopsKeys, unwrapDataKey } from './data-key.ts';
import { type OpenedTree, openTree } from './open-tree.ts';
import { refuseMisleadingRule } from './own-rule.ts';
import type { SopsFile } from './parse-sops-file.ts';

/** A file in plain text, in memory only. `using` it, or disposing of it, zeroes the data key. */
export interface OpenedSops extends OpenedTree, Disposable {
  readonly file: SopsFile;
  /** 32 bytes; all zero once disposed of. */
  readonly dataKey: Uint8Array;
}

/**
 * Opens a file: every value is authentic at its place, and together they are what was saved. Whether the file is what a path of the
 * repository may hold is another question: `checkSopsStructure`.
 * @throws HeadwaterError `HW_SECRETS_*`, `HW_AGE_FILE`, `HW_AGE_PASSPHRASE`. No message shows a value.
 */
export async function openSopsFile(file: SopsFile, keys: SopsKeys): Promise<OpenedSops> {
  refuseMisleadingRule(file.tree, file.metadata.rule);
  const dataKey = await unwrapDataKey(file.metadata, keys);
  try {
    return { file, dataKey, ...openTree(file, dataKey), [Symbol.dispose]: () => void dataKey.fill(0) };
  } catch (error) {
    dataKey.fill(0);
    throw error;
  }
}
