import type { DryRun, EditResult } from '@headwater/schemas/http';
import type { TokenRecord } from '../access.ts';
import type { Editor, EditRequest } from '../editing/edit.ts';
import { reachOf } from '../editing/layer-edits.ts';
import type { Receipts } from '../receipts.ts';
import { checkFiles, checkReach } from './authority.ts';
import type { ChangePlan } from './change-plan.ts';

/** Who asks for a change. */
export interface Asker {
  readonly caller: TokenRecord;
  readonly actor: EditRequest['actor'];
  readonly requestId: string;
  /** Default: the plan's. */
  readonly message?: string;
}

/** Carries out plans: each is one commit, or what one would do. */
export interface ChangeDesk {
  /** @throws HeadwaterError as `Editor.commit`; `HW_FORBIDDEN` for what is beyond the caller. */
  commit(plan: ChangePlan, asker: Asker): Promise<EditResult>;
  /** @throws HeadwaterError as `Editor.preview`; `HW_FORBIDDEN`. */
  preview(plan: ChangePlan, asker: Asker): Promise<DryRun>;
}

export interface ChangeDeskDeps {
  readonly editor: Editor;
  readonly environments: () => readonly string[];
  readonly receipts: Pick<Receipts, 'of'>;
}

export function createChangeDesk({ editor, environments, receipts }: ChangeDeskDeps): ChangeDesk {
  function requestOf(plan: ChangePlan, { caller, actor, requestId, message }: Asker): EditRequest {
    checkFiles(caller, plan, environments());
    const text = message?.trim() || plan.message;
    return {
      ...{ actor, requestId, base: plan.base, files: plan.files },
      message: plan.note === undefined ? text : `${text}\n\n${plan.note}`,
      ...(plan.trailers === undefined ? {} : { trailers: plan.trailers }),
      mayReach: (reach) => checkReach(caller, reach),
    };
  }

  return {
    async commit(plan, asker) {
      const { changes: _, ...result } = await editor.commit(requestOf(plan, asker));
      return result;
    },
    async preview(plan, asker) {
      const { changed: _, ...preview } = await editor.preview(requestOf(plan, asker));
      return { ...preview, reach: reachOf(preview.changes, receipts) };
    },
  };
}
