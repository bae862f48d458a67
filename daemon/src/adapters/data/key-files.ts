import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import { badKey, restoreHint } from './key-file.ts';

/** Files of `<data>/keys/` that belong to signing. */
export function keyFiles({ keysDir }: Pick<DataFolder, 'keysDir'>) {
  const file = (name: string) => join(keysDir, name);
  return {
    /** Signs only the list of signing keys; may be kept elsewhere. */
    root: file('root.key'),
    signing: file('signing.key'),
    /** The signing key before it, which signs beside it during a grace period. */
    old: file('signing.old.key'),
    /** The signing key after it, for a moment while keys are changed. */
    next: file('signing.new.key'),
    hmac: file('hmac.key'),
    /** The list itself, signed. */
    envelope: file('keys.envelope'),
    /** How long the grace period lasts. */
    grace: file('grace.json'),
  };
}

/** @throws HeadwaterError `HW_KEY_FILE`. */
export async function readEnvelopeIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw badKey(path, `cannot be read: ${code ?? 'unknown error'}`, restoreHint);
  }
}
