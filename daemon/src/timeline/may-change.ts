import { equalValues, type JsonValue, valueAt } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from '../core/files.ts';
import { classifyPath } from '../core/layout.ts';
import { parseConfig } from '../core/parse-config.ts';
import type { FileState, TreeChange } from '../ports.ts';

/**
 * False when a setting cannot have changed: only config files changed, and each has the same value there as before. Two small reads
 * in place of judging a commit, for histories in which most commits are about something else.
 */
export async function mayChange(
  changes: readonly TreeChange[],
  pointer: string,
  readBlob: ReadBlob,
): Promise<boolean> {
  for (const { path, from, to } of changes) {
    const { kind } = classifyPath(path);
    if (kind === 'settings' || kind === 'schema' || kind === 'secrets' || kind === 'recipients') return true;
    if (kind !== 'base' && kind !== 'overlay' && kind !== 'shared') continue;
    const [before, after] = [await valueIn(from), await valueIn(to)];
    if (before === null || after === null) return true;
    const isSame =
      before.value !== undefined && after.value !== undefined
        ? equalValues(before.value, after.value)
        : before.value === after.value;
    if (!isSame) return true;
  }
  return false;

  /** `null`: it cannot be read as config, so nobody can say. */
  async function valueIn(file: FileState | null): Promise<{ value: JsonValue | undefined } | null> {
    if (!file) return { value: undefined };
    const bytes = await readWithin(readBlob, file.oid);
    const parsed = bytes && parseConfig(bytes);
    return parsed && 'value' in parsed
      ? { value: valueAt(parsed.value, pointer) as JsonValue | undefined }
      : null;
  }
}
