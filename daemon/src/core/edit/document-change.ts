/** What somebody asks of one document, in the three forms the API takes. */
import { HeadwaterError, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { applyJsonPatch } from './json-patch.ts';
import { keepNotes } from './keep-notes.ts';
import { applyMergePatch } from './merge-patch.ts';

export type DocumentChange =
  /** The whole document, as the API shows it. */
  | { readonly kind: 'replace'; readonly document: JsonObject }
  /** RFC 6902. */
  | { readonly kind: 'json-patch'; readonly ops: unknown }
  /** RFC 7396. */
  | { readonly kind: 'merge-patch'; readonly patch: JsonValue };

/**
 * The document that the author wants. A patch changes what it mentions and nothing else; a whole document leaves the notes of the file
 * (`$schema`, `$comment`), which the API does not show.
 * @param before The document that the author started from, notes included; `{}` where there is no file.
 * @throws HeadwaterError as `applyJsonPatch`; `HW_JSON_NOT_OBJECT` when the result is no object.
 */
export function changeDocument(before: JsonObject, change: DocumentChange): JsonObject {
  if (change.kind === 'replace') return keepNotes(before, change.document);
  const wanted =
    change.kind === 'json-patch' ? applyJsonPatch(before, change.ops) : applyMergePatch(before, change.patch);
  if (isObject(wanted)) return wanted;
  throw new HeadwaterError('HW_JSON_NOT_OBJECT', {
    message: 'the document would no longer be an object',
    hint: 'A config file holds { "setting": value }.',
  });
}
