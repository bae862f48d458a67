/** Everything that reads and changes config over HTTP beyond one service's documents. */
import type { FastifyInstance } from 'fastify';
import type { ConfigApiDeps } from './config-api-deps.ts';
import { environmentRoutes } from './routes/environments.ts';
import { presetRoutes } from './routes/presets.ts';
import { revertRoutes } from './routes/reverts.ts';
import { searchRoutes } from './routes/search.ts';
import { serviceChangeRoutes } from './routes/service-changes.ts';

export function configApiRoutes(app: FastifyInstance, deps: ConfigApiDeps): void {
  revertRoutes(app, deps);
  serviceChangeRoutes(app, deps);
  presetRoutes(app, deps);
  environmentRoutes(app, deps);
  searchRoutes(app, deps);
}
