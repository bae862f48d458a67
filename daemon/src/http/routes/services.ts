import { isName } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { coversService } from '../../access.ts';
import type { DaemonView } from '../../view.ts';
import { callerOf } from '../auth.ts';
import { environmentOf } from '../environment.ts';
import { documentOf, etagOfService, matchesEtag } from '../etag.ts';
import { serviceNotFound } from '../not-found.ts';

/** Services of an environment, and one service with its layers. */
export function serviceRoutes(app: FastifyInstance, view: DaemonView): void {
  app.get('/api/v1/services', { config: { access: 'viewer' } }, async (request) => {
    const env = environmentOf(request, view);
    const caller = callerOf(request);
    const services = view.services(env).filter((one) => coversService(caller, env, one.service));
    return { env, services };
  });

  app.get<{ Params: { service: string } }>(
    '/api/v1/services/:service',
    { config: { access: 'token' } },
    async (request, reply) => {
      const env = environmentOf(request, view);
      const name = request.params.service;
      const mayRead = isName(name) && coversService(callerOf(request), env, name);
      const found = mayRead ? await view.service(env, name) : null;
      if (found === null) throw serviceNotFound();
      const etag = etagOfService(found);
      reply.header('etag', etag);
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return { ...documentOf(found), clients: found.clients };
    },
  );
}
