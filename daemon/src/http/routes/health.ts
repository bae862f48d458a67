import type { Health } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import type { DaemonView } from '../../view.ts';

/** For load balancers and monitors, without a token; so no names of environments, services or branches. */
export function healthRoutes(app: FastifyInstance, view: DaemonView): void {
  app.get('/health', { config: { access: 'open' } }, async () => publicHealth(view.health()));
  app.get('/health/ready', { config: { access: 'open' } }, async (_request, reply) => {
    const health = view.health();
    const ready = isReady(health);
    return reply.code(ready ? 200 : 503).send({ ready, ...publicHealth(health) });
  });
}

/** Ready = what is published reaches services: the broker is there and some environment has config. */
function isReady(health: Health): boolean {
  return health.broker.connected && Object.values(health.environments).some((one) => one.epoch !== null);
}

function publicHealth(health: Health): Readonly<Record<string, unknown>> {
  const environments = Object.values(health.environments);
  const count = (status: string) => environments.filter((one) => one.status === status).length;
  return {
    ok: health.ok,
    version: health.version,
    at: health.at,
    startedAt: health.startedAt,
    broker: { connected: health.broker.connected },
    ...(health.git === undefined ? {} : { git: withoutAddress(health.git) }),
    environments: { ok: count('ok'), degraded: count('degraded'), neverValid: count('never-valid') },
    problems: [...new Set(health.problems.map((problem) => problem.code))],
  };
}

function withoutAddress({ upstream: _, ...git }: NonNullable<Health['git']>): object {
  return git;
}
