import type { RevertRequest } from '@headwater/schemas/http';
import type { Sight } from '../timeline/history.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { revertCommit } from './revert-commit.ts';
import { revertEverything } from './revert-everything.ts';
import { revertService } from './revert-service.ts';
import { revertSetting } from './revert-setting.ts';

/** What it takes to undo. @throws HeadwaterError `HW_NOT_FOUND`, also for what the caller may not see. */
export function planRevert(request: RevertRequest, sight: Sight, deps: PlanDeps): Promise<ChangePlan> {
  if ('commit' in request) return revertCommit(request, sight, deps);
  if ('pointer' in request) return revertSetting(request, sight, deps);
  return 'service' in request ? revertService(request, sight, deps) : revertEverything(request, sight, deps);
}
