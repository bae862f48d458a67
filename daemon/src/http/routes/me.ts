import type { FastifyInstance } from 'fastify';
import type { DaemonView } from '../../view.ts';
import { callerOf } from '../auth.ts';
import { visibleEnvironments } from '../environment.ts';

/** Who the token is for and how far it reaches. */
export function meRoutes(app: FastifyInstance, view: DaemonView): void {
  app.get('/api/v1/me', { config: { access: 'token' } }, async (request) => {
    const { id, name, role, env, service, expiresAt } = callerOf(request);
    return {
      id,
      name,
      role,
      scope: { env, service },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      deployment: view.deployment,
      environments: visibleEnvironments(view, callerOf(request)),
    };
  });
}
