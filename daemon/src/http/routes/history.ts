/** The past: timeline, one commit, what differs between two, the history of a service or of one setting. */
import type {
  Comparison,
  EnvironmentComparison,
  EpochDetail,
  EpochList,
  ServiceHistory,
} from '@headwater/schemas/http';
import type { FastifyInstance } from 'fastify';
import { coversService, type TokenRecord } from '../../access.ts';
import { compareEnvironments } from '../../changes/compare-environments.ts';
import type { LiveConfigs } from '../../live-configs.ts';
import type { History } from '../../timeline/history.ts';
import type { DaemonView } from '../../view.ts';
import { callerOf } from '../auth.ts';
import { environmentOf, visibleEnvironments } from '../environment.ts';
import { environmentNotFound, requestInvalid, serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';
import { sightIn } from '../sight.ts';

const defaultPage = 50;
const largestPage = 200;

export interface HistoryRoutesDeps {
  readonly view: DaemonView;
  readonly history: Pick<History, 'epochs' | 'epoch' | 'compare' | 'ofService'>;
  readonly live: LiveConfigs;
}

export function historyRoutes(app: FastifyInstance, { view, history, live }: HistoryRoutesDeps): void {
  const viewer = { config: { access: 'viewer' } } as const;
  const sightOf = (caller: TokenRecord) => sightIn(view, caller);

  app.get('/api/v1/epochs', viewer, async (request): Promise<EpochList> => {
    const query = new Query(request, ['limit', 'before', 'service', 'path', 'author']);
    const [before, service] = [query.commit('before'), query.name('service')];
    const [path, author] = [query.text('path'), query.text('author')];
    const sight = sightOf(callerOf(request));
    // A filter must not tell whether something exists that the caller may not see.
    if (service !== undefined && !sight.anywhere(service)) return { epochs: [], next: null };
    return history.epochs(
      {
        limit: query.count('limit', defaultPage, largestPage),
        ...(before === undefined ? {} : { before }),
        ...(service === undefined ? {} : { service }),
        ...(path === undefined ? {} : { path }),
        ...(author === undefined ? {} : { author }),
      },
      sight,
    );
  });

  app.get<{ Params: { commit: string } }>(
    '/api/v1/epochs/:commit',
    viewer,
    async (request): Promise<EpochDetail> => history.epoch(request.params.commit, sightOf(callerOf(request))),
  );

  app.get('/api/v1/compare', viewer, async (request): Promise<Comparison | EnvironmentComparison> => {
    const query = new Query(request, ['from', 'to', 'envs']);
    const environments = query.text('envs');
    if (environments !== undefined) return compareIn(environments, callerOf(request));
    return history.compare(query.required('from'), query.required('to'), sightOf(callerOf(request)));
  });

  function compareIn(text: string, caller: TokenRecord): EnvironmentComparison {
    const seen = visibleEnvironments(view, caller);
    const [from, to, ...more] = text.split(',');
    if (from === undefined || to === undefined || more.length > 0)
      throw requestInvalid('the parameter "envs" names two environments: dev,prod');
    if (!seen.includes(from) || !seen.includes(to)) throw environmentNotFound(seen);
    return compareEnvironments(from, to, live, (env, service) => coversService(caller, env, service));
  }

  app.get('/api/v1/history', viewer, async (request): Promise<ServiceHistory> => {
    const query = new Query(request, ['service', 'env', 'pointer', 'limit', 'before']);
    const env = environmentOf(request, view);
    const service = query.name('service') ?? '';
    if (service === '') query.required('service');
    if (!coversService(callerOf(request), env, service)) throw serviceNotFound();
    const [pointer, before] = [query.pointer('pointer'), query.commit('before')];
    return history.ofService({
      service,
      env,
      limit: query.count('limit', defaultPage, largestPage),
      ...(pointer === undefined ? {} : { pointer }),
      ...(before === undefined ? {} : { before }),
    });
  });
}
