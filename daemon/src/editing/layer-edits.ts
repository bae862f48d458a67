/**
 * Changes as people speak of them, "this layer of that service", turned into files for the editor. It knows where a service lies and
 * which environments a layer reaches; merging, judging and committing are the editor's.
 */
import type { DryRun, EditResult, Reach, ServiceChange } from '@headwater/schemas/http';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RepoIndex } from '../core/repo-index.ts';
import type { CommitId } from '../ports.ts';
import type { Receipts } from '../receipts.ts';
import { describeEdit, type LayerDifference } from './describe-edit.ts';
import type { Editor, EditRequest, FileChange, Trailer } from './edit.ts';
import { editTarget } from './edit-target.ts';
import { type LayerEdit, layerChanges } from './layer-changes.ts';
import type { MergeDeps } from './merge-deps.ts';
import { readVersion } from './read-version.ts';

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

export interface LayerEditsDeps extends Pick<MergeDeps, 'reader' | 'readBlob'> {
  readonly editor: Editor;
  /** Index of the newest commit that was read; `null` before the first. */
  readonly index: () => RepoIndex | null;
  readonly receipts: Pick<Receipts, 'of'>;
}

export function createLayerEdits(deps: LayerEditsDeps): LayerEdits {
  async function requestOf({ edits, message, ...rest }: LayerEditRequest): Promise<EditRequest> {
    const index = deps.index();
    if (!index) throw nothingRead();
    const files = await layerChanges(edits, rest.base, index, deps);
    return { ...rest, files, message: message || (await describe(edits, files, rest.base, index)) };
  }

  /** A message for those who wrote none. */
  async function describe(
    edits: readonly LayerEdit[],
    files: readonly FileChange[],
    base: CommitId,
    index: RepoIndex,
  ): Promise<string> {
    const layers = new Map(edits.map((edit) => [editTarget(index, edit.service, edit.layer).path, edit]));
    const before = await deps.reader.findFiles(base, layers.keys());
    const differences: LayerDifference[] = [];
    for (const file of files) {
      const edit = layers.get(file.path);
      if (!edit || file.kind !== 'json') continue;
      const version = await readVersion(before.get(file.path), deps.readBlob);
      const known = version.kind === 'document' ? version.value : {};
      differences.push({ ...edit, before: known, after: file.desired ?? {} });
    }
    return describeEdit(differences);
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

/** Connected clients that would notice. */
export function reachOf(changes: readonly ServiceChange[], receipts: LayerEditsDeps['receipts']): Reach[] {
  return changes.flatMap(({ env, service, settings, kind }) => {
    if (kind === 'removed') return [];
    const connected = receipts.of(env, service).filter(({ state }) => state !== 'offline').length;
    const needsRestart = settings.some(({ apply }) => apply === 'restart');
    return [{ env, service, live: needsRestart ? 0 : connected, restart: needsRestart ? connected : 0 }];
  });
}

function nothingRead(): HeadwaterError {
  return new HeadwaterError('HW_BRANCH_MISSING', {
    message: 'the daemon has not read the followed branch yet',
    hint: 'Try again in a moment; `headwater status` says what it waits for.',
  });
}
