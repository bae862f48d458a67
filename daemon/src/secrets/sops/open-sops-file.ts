import { type SopsKeys, unwrapDataKey } from './data-key.ts';
import { type OpenedTree, openTree } from './open-tree.ts';
import { refuseMisleadingRule } from './own-rule.ts';
import type { SopsFile } from './parse-sops-file.ts';

/** A file in plain text, in memory only. `using` it, or disposing of it, zeroes the data key. */
export interface OpenedSops extends OpenedTree, Disposable {
  readonly file: SopsFile;
  /** 32 bytes, zeroed when the file is disposed of. @throws Error afterwards: nothing may be encrypted with zeroes. */
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
  let isOpen = true;
  const dispose = (): void => {
    isOpen = false;
    dataKey.fill(0);
  };
  try {
    const opened = openTree(file, dataKey);
    return {
      file,
      ...opened,
      get dataKey() {
        if (!isOpen) throw new Error('a secrets file was used after it was put away');
        return dataKey;
      },
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
