import { HeadwaterError } from '@headwater/schemas/protocol';
import type { SopsMetadata } from './metadata.ts';
import { isOrderedObject, type OrderedObject } from './ordered-json.ts';
import { parseMetadata } from './parse-metadata.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';

/** A SOPS file in its JSON form, nothing of it opened. */
export interface SopsFile {
  /** As read. */
  readonly bytes: Uint8Array;
  /** Everything but the metadata; values as they stand in the file, mostly encrypted. */
  readonly tree: OrderedObject;
  readonly metadata: SopsMetadata;
  /** What one level is indented by, so that an edit changes only the lines it is about. */
  readonly indent: string;
}

/** Top-level key of the metadata. No value may have it. */
export const metadataKey = 'sops';

/**
 * Parses a file without any key.
 * @throws HeadwaterError `HW_FILE_TOO_LARGE`, `HW_JSON_*`, `HW_SECRETS_NOT_SOPS`, `HW_SECRETS_METADATA`, `HW_SECRETS_UNSUPPORTED`. No
 *   message shows a value.
 */
export function parseSopsFile(bytes: Uint8Array): SopsFile {
  const document = parseOrderedJson(bytes);
  if (!isOrderedObject(document)) {
    throw new HeadwaterError('HW_JSON_NOT_OBJECT', {
      message: 'expected an object at the top level',
      hint: 'Write { "setting": value }, then encrypt it with sops or headwater.',
    });
  }
  const sops = document.get(metadataKey);
  if (sops === undefined || sops === null) {
    throw new HeadwaterError('HW_SECRETS_NOT_SOPS', {
      message: 'the file is not encrypted: it has no "sops" metadata',
      hint: 'Encrypt it with sops or headwater. If it was committed like this, treat its values as known to others.',
    });
  }
  const tree = new Map(document);
  tree.delete(metadataKey);
  return { bytes, tree, metadata: parseMetadata(sops), indent: indentOf(bytes) };
}

function indentOf(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
  return /^\{\r?\n(\t| {1,8})"/.exec(start)?.[1] ?? '\t';
}
