/** Everything that reads and changes config over HTTP beyond one service's documents. */
import type { FastifyInstance } from 'fastify';
import type { ChangeDesk } from '../changes/change-desk.ts';
import type { PlanDeps } from '../changes/change-plan.ts';
import type { RenameDeps } from '../changes/rename-service.ts';
import type { LiveConfigs } from '../live-configs.ts';
import type { Receipts } from '../receipts.ts';
import type { DaemonView } from '../view.ts';
import { environmentRoutes } from './routes/environments.ts';
import { presetRoutes } from './routes/presets.ts';
import { revertRoutes } from './routes/reverts.ts';
import { searchRoutes } from './routes/search.ts';
import { serviceChangeRoutes } from './routes/service-changes.ts';

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

export function configApiRoutes(app: FastifyInstance, deps: ConfigApiDeps): void {
  revertRoutes(app, deps);
  serviceChangeRoutes(app, deps);
  presetRoutes(app, deps);
  environmentRoutes(app, deps);
  searchRoutes(app, deps);
}
