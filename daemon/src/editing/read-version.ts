import { isHeadwaterError, isObject, type JsonObject, parseJson } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from '../core/files.ts';
import type { FileState } from '../ports.ts';

/** A file as an edit sees it. */
export type FileVersion =
  | { readonly kind: 'absent' }
  | { readonly kind: 'document'; readonly text: string; readonly value: JsonObject }
  /** No JSON object that could be merged: broken, too large, a link. */
  | { readonly kind: 'unreadable' };

/** Reads one version of a JSON file, nothing dropped from it. Rejects with what `readBlob` throws. */
export async function readVersion(file: FileState | undefined, readBlob: ReadBlob): Promise<FileVersion> {
  if (file === undefined) return { kind: 'absent' };
  // A link's content is a path, and a submodule has none.
  if (file.mode !== '100644' && file.mode !== '100755') return { kind: 'unreadable' };
  const bytes = await readWithin(readBlob, file.oid);
  return bytes === null ? { kind: 'unreadable' } : parseVersion(bytes);
}

export function parseVersion(bytes: Uint8Array): FileVersion {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = parseJson(text);
    return isObject(value) ? { kind: 'document', text, value } : { kind: 'unreadable' };
  } catch (error) {
    if (isHeadwaterError(error) || error instanceof TypeError) return { kind: 'unreadable' };
    throw error;
  }
}
