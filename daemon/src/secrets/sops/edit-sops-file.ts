import type { OpenedSops } from './open-sops-file.ts';
import type { OrderedObject } from './ordered-json.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { writeSopsFile } from './write-sops-file.ts';

/**
 * The file with other values. Data key and stanzas stay, and so does every encrypted value that did not change: a diff shows the lines
 * that were edited, `lastmodified` and `mac`. (The first save of a file from an older SOPS also brings its metadata into today's form.)
 * @param next The whole tree in plain text; `setValues` makes it from the tree that was opened.
 * @returns The file's own bytes when nothing changes.
 * @throws HeadwaterError as `writeSopsFile`.
 */
export function editSopsFile(
  previous: OpenedSops,
  next: OrderedObject,
  { now }: { readonly now: Date },
): Uint8Array {
  const { file, tree, dataKey, leaves } = previous;
  // The order of keys is part of the MAC, and of what an author sees.
  if (printOrderedJson(tree) === printOrderedJson(next)) return file.bytes;
  return writeSopsFile(next, file.metadata, { dataKey, reuse: leaves }, { now, indent: file.indent });
}
