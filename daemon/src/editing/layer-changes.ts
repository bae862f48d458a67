import { HeadwaterError, type JsonObject } from '@headwater/schemas/protocol';
import { changeDocument, type DocumentChange } from '../core/edit/document-change.ts';
import type { CommitId } from '../ports.ts';
import type { FileChange } from './edit.ts';
import { editTarget, type TargetIndex } from './edit-target.ts';
import type { MergeDeps } from './merge-deps.ts';
import { type FileVersion, readVersion } from './read-version.ts';

/** A change of one layer of one service. */
export interface LayerEdit {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  /** `null` removes the layer's file. */
  readonly change: DocumentChange | null;
}

/**
 * What edits of layers mean for files: each document is made from the file as it was at `base`, `{}` where there was none. Several
 * edits of one layer apply in their order.
 * @throws HeadwaterError `HW_NOT_FOUND`, `HW_PATCH_*`, `HW_JSON_NOT_OBJECT`; `HW_EDIT_CONFLICT` for a patch of a file that cannot be read.
 */
export async function layerChanges(
  edits: readonly LayerEdit[],
  base: CommitId | null,
  index: TargetIndex,
  deps: Pick<MergeDeps, 'reader' | 'readBlob'>,
): Promise<FileChange[]> {
  const targets = edits.map(({ service, layer }) => editTarget(index, service, layer).path);
  const files = base === null ? new Map() : await deps.reader.findFiles(base, targets);
  const documents = new Map<string, { before: FileVersion; desired: JsonObject | null }>();
  for (const [i, { change }] of edits.entries()) {
    const path = targets[i] as string;
    const before = documents.get(path)?.before ?? (await readVersion(files.get(path), deps.readBlob));
    const last = documents.get(path)?.desired;
    documents.set(path, {
      before,
      desired: change && changeDocument(last ?? startOf(path, before, change), change),
    });
  }
  // A file without a setting and no file are the same to everybody who reads config.
  const isNothing = ({ before, desired }: { before: FileVersion; desired: JsonObject | null }) =>
    before.kind === 'absent' && (desired === null || Object.keys(desired).length === 0);
  return [...documents].flatMap(([path, { before, desired }]) =>
    isNothing({ before, desired }) ? [] : [{ kind: 'json' as const, path, desired }],
  );
}

function startOf(path: string, before: FileVersion, { kind }: DocumentChange): JsonObject {
  if (before.kind === 'document') return before.value;
  if (before.kind === 'absent' || kind === 'replace') return {};
  throw new HeadwaterError('HW_EDIT_CONFLICT', {
    message: `${path} cannot be patched: at the commit that the edit starts from it is no JSON document`,
    hint: 'Save the whole document in its place.',
    details: { conflicts: [{ file: path, pointer: '' }] },
  });
}
