/** The HTTP API for reading and changing config: one desk for all changes, over the one editor. */

import { createChangeDesk } from '../changes/change-desk.ts';
import { PresetShelf } from '../changes/preset-shelf.ts';
import type { RenameDeps } from '../changes/rename-service.ts';
import type { Editor } from '../editing/edit.ts';
import { createLayerEdits } from '../editing/layer-edits.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import type { ServerDeps } from '../http/server.ts';
import { createLiveConfigs } from '../live-configs.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Receipts } from '../receipts.ts';
import type { History } from '../timeline/history.ts';
import type { Judging } from './judging.ts';

export interface ConfigApiParts {
  readonly repository: Pick<FollowedRepository, 'reader'>;
  readonly judging: Pick<Judging, 'readBlob'>;
  /** Asked late: requests come only when it runs. */
  readonly pipeline: () => Pick<Pipeline, 'engine' | 'era'>;
  readonly editor: Editor;
  readonly history: History;
  readonly receipts: Receipts;
  readonly encryptAnew: RenameDeps['encryptAnew'];
}

export function openConfigApi(parts: ConfigApiParts): Required<Pick<ServerDeps, 'edits' | 'config'>> {
  const { repository, judging, pipeline, editor, history, receipts } = parts;
  const index = () => pipeline().engine?.index ?? null;
  const plans = { reader: repository.reader, readBlob: judging.readBlob, index, history };
  const files = { reader: repository.reader, readBlob: judging.readBlob };
  return {
    edits: createLayerEdits({ ...files, editor, index, receipts }),
    config: {
      desk: createChangeDesk({ editor, receipts, environments: () => index()?.environments() ?? [] }),
      plans,
      renames: { ...plans, shelf: new PresetShelf(plans), encryptAnew: parts.encryptAnew },
      live: createLiveConfigs(
        () => pipeline().engine,
        () => pipeline().era,
      ),
      receipts,
    },
  };
}
