import type { FastifyInstance } from 'fastify';
import { coversService } from '../../access.ts';
import type { DaemonView } from '../../view.ts';
import { callerOf } from '../auth.ts';
import { environmentOf, visibleEnvironments } from '../environment.ts';
import { environmentNotFound } from '../not-found.ts';

/** Where an environment stands: its live epoch, the tip, and what waits. */
export function epochRoutes(app: FastifyInstance, view: DaemonView): void {
  app.get('/api/v1/epoch', { config: { access: 'viewer' } }, async (request) => {
    const caller = callerOf(request);
    const env = environmentOf(request, view);
    const state = view.environment(env);
    if (state === null) throw environmentNotFound(visibleEnvironments(view, caller));
    const { epoch, status, tip, held, heldTotal, policy, warnings } = state;
    const visible = held.filter((one) => one.service === '*' || coversService(caller, env, one.service));
    return { env, epoch, status, tip, held: visible, heldTotal, policy, warnings };
  });
}
