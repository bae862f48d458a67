/**
 * Changes as people speak of them, "this layer of that service", turned into files for the editor. It knows where a service lies and
 * which environments a layer reaches; merging, judging and committing are the editor's.
 */
import type { DryRun, EditResult, Reach, ServiceChange } from '@headwater/schemas/http';
import { HeadwaterError, type JsonObject } from '@headwater/schemas/protocol';
import { changeDocument, type DocumentChange } from '../core/edit/document-change.ts';
import type { ReadBlob } from '../core/files.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitId, ObjectReader } from '../ports.ts';
import type { Receipts } from '../receipts.ts';
import { describeEdit, type LayerDifference } from './describe-edit.ts';
import type { Editor, EditRequest, FileChange, Trailer } from './edit.ts';
import { readVersion } from './read-version.ts';

export interface LayerEdit {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  /** `null` removes the layer's file. */
  readonly change: DocumentChange | null;
}

export interface LayerEditRequest {
  readonly actor: EditRequest['actor'];
  /** Default: written from what changes. */
  readonly message?: string;
  /** Commit that the edits were made on. */
  readonly base: CommitId;
  readonly edits: readonly LayerEdit[];
  readonly requestId: string;
  readonly trailers?: readonly Trailer[];
}

export interface LayerEdits {
  /** Environments whose config a layer of a service reaches; empty when there is no such service or layer. */
  environmentsOf(service: string, layer: string): readonly string[];
  /** @throws HeadwaterError as `Editor.commit`; `HW_NOT_FOUND` for a service or layer that is not there. */
  commit(request: LayerEditRequest): Promise<EditResult>;
  /** What `commit` would do, and whom it would reach. @throws as `Editor.preview`. */
  preview(request: LayerEditRequest): Promise<DryRun>;
}

export interface LayerEditsDeps {
  readonly editor: Editor;
  /** Index of the newest commit that was read; `null` before the first. */
  readonly index: () => RepoIndex | null;
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  readonly receipts: Pick<Receipts, 'of'>;
}

export function createLayerEdits(deps: LayerEditsDeps): LayerEdits {
  /** Path of a layer's file, there or not. */
  function pathOf(service: string, layer: string): string {
    const index = deps.index();
    for (const env of index?.environments() ?? []) {
      const inputs = index?.inputs(service, env);
      if (!inputs || (layer !== 'base' && !inputs.chain.includes(layer))) continue;
      return `${inputs.folder}/config${layer === 'base' ? '' : `.${layer}`}.json`;
    }
    throw layerNotFound();
  }

  async function requestOf({ edits, message, ...rest }: LayerEditRequest): Promise<EditRequest> {
    const paths = edits.map(({ service, layer }) => pathOf(service, layer));
    const found = await deps.reader.findFiles(rest.base, paths);
    const files: FileChange[] = [];
    const differences: LayerDifference[] = [];
    for (const [position, { service, layer, change }] of edits.entries()) {
      const path = paths[position] as string;
      const before = await documentAt(found.get(path), change, deps.readBlob);
      const desired = change === null ? null : changeDocument(before, change);
      files.push({ kind: 'json', path, desired });
      differences.push({ service, layer, before, after: desired ?? {} });
    }
    return { ...rest, files, message: message || describeEdit(differences) };
  }

  return {
    environmentsOf(service, layer) {
      const index = deps.index();
      return (index?.environments() ?? []).filter((env) => {
        const inputs = index?.inputs(service, env);
        return inputs !== null && inputs !== undefined && (layer === 'base' || inputs.chain.includes(layer));
      });
    },
    async commit(request) {
      const { changes: _, ...result } = await deps.editor.commit(await requestOf(request));
      return result;
    },
    async preview(request) {
      const { changed: _, ...preview } = await deps.editor.preview(await requestOf(request));
      return { ...preview, reach: reachOf(preview.changes, deps.receipts) };
    },
  };
}

/** The layer's document that an edit starts from. A file that is not JSON can be replaced whole, but not patched. */
async function documentAt(
  file: Parameters<typeof readVersion>[0],
  change: DocumentChange | null,
  readBlob: ReadBlob,
): Promise<JsonObject> {
  const version = await readVersion(file, readBlob);
  if (version.kind === 'document') return version.value;
  if (version.kind === 'absent' || change === null || change.kind === 'replace') return {};
  throw new HeadwaterError('HW_EDIT_CONFLICT', {
    message: 'the file cannot be read as JSON, so there is nothing that a patch could change',
    hint: 'Replace the whole document (PUT), or mend the file in git.',
    details: { conflicts: [] },
  });
}

/** Connected clients that would notice. */
function reachOf(changes: readonly ServiceChange[], receipts: LayerEditsDeps['receipts']): Reach[] {
  return changes.flatMap(({ env, service, settings, kind }) => {
    if (kind === 'removed') return [];
    const connected = receipts.of(env, service).filter(({ state }) => state !== 'offline').length;
    const needsRestart = settings.some(({ apply }) => apply === 'restart');
    return [{ env, service, live: needsRestart ? 0 : connected, restart: needsRestart ? connected : 0 }];
  });
}

function layerNotFound(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is no such service, or it has no such layer',
    hint: 'Layers are "base" and the environments in which the service runs.',
  });
}
