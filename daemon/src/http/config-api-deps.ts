/** What the routes that read and change config stand on. */
import type { ChangeDesk } from '../changes/change-desk.ts';
import type { PlanDeps } from '../changes/change-plan.ts';
import type { RenameDeps } from '../changes/rename-service.ts';
import type { LiveConfigs } from '../live-configs.ts';
import type { Receipts } from '../receipts.ts';
import type { DaemonView } from '../view.ts';

export interface ConfigApi {
  readonly desk: ChangeDesk;
  readonly plans: PlanDeps;
  readonly renames: RenameDeps;
  readonly live: LiveConfigs;
  readonly receipts: Pick<Receipts, 'of' | 'all'>;
}

export interface ConfigApiDeps extends ConfigApi {
  readonly view: DaemonView;
}
