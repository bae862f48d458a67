/** Questions over everything that is live: search, connected clients, drift. */
import type { ClientList, DriftedClient, DriftList, SearchResults } from '@headwater/schemas/http';
import { CLIENT_STATES } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { coversService } from '../../access.ts';
import { clientView, driftOf } from '../../client-views.ts';
import { searchServices } from '../../search-services.ts';
import { callerOf } from '../auth.ts';
import type { ConfigApiDeps } from '../config-api-deps.ts';
import { environmentOf, visibleEnvironments } from '../environment.ts';
import { requestInvalid } from '../not-found.ts';
import { Query } from '../query.ts';

const defaultHits = 50;
const mostHits = 200;
const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];

export function searchRoutes(app: FastifyInstance, { view, live, receipts }: ConfigApiDeps): void {
  const viewer = { config: { access: 'viewer' } } as const;

  app.get('/api/v1/search', viewer, async (request): Promise<SearchResults> => {
    const query = new Query(request, ['q', 'service', 'env', 'level', 'type', 'limit']);
    const [service, level, type] = [query.name('service'), query.text('level'), query.text('type')];
    if (level !== undefined && level !== 'simple' && level !== 'advanced')
      throw requestInvalid('the parameter "level" is simple or advanced');
    if (type !== undefined && !types.includes(type))
      throw requestInvalid(`the parameter "type" is one of: ${types.join(', ')}`);
    const caller = callerOf(request);
    return searchServices(
      {
        q: query.required('q').trim(),
        envs: environmentsOf(request, query),
        limit: query.count('limit', defaultHits, mostHits),
        sees: (env, name) => coversService(caller, env, name),
        ...(service === undefined ? {} : { service }),
        ...(level === undefined ? {} : { level }),
        ...(type === undefined ? {} : { type }),
      },
      live,
    );
  });

  app.get('/api/v1/clients', viewer, async (request): Promise<ClientList> => {
    const query = new Query(request, ['env', 'service', 'state']);
    const [service, state] = [query.name('service'), query.text('state')];
    if (state !== undefined && !(CLIENT_STATES as readonly string[]).includes(state))
      throw requestInvalid(`the parameter "state" is one of: ${CLIENT_STATES.join(', ')}`);
    const clients = [];
    for (const receipt of seenReceipts(request, query)) {
      const isWanted =
        (service === undefined || receipt.service === service) &&
        (state === undefined || receipt.state === state);
      if (isWanted) clients.push(clientView(receipt, live));
    }
    return { clients: clients.sort(byClient) };
  });

  app.get('/api/v1/drift', viewer, async (request): Promise<DriftList> => {
    const query = new Query(request, ['env']);
    const drifted: DriftedClient[] = [];
    let connected = 0;
    for (const receipt of seenReceipts(request, query)) {
      if (receipt.state !== 'offline') connected++;
      const drift = driftOf(receipt, live);
      if (drift) drifted.push(drift);
    }
    return { connected, drifted: drifted.sort(byClient) };
  });

  function* seenReceipts(request: FastifyRequest, query: Query) {
    const caller = callerOf(request);
    const environments = new Set(environmentsOf(request, query));
    for (const receipt of receipts.all())
      if (environments.has(receipt.env) && coversService(caller, receipt.env, receipt.service)) yield receipt;
  }

  /** The one that is asked for, or all that the caller sees. */
  function environmentsOf(request: FastifyRequest, query: Query): readonly string[] {
    return query.text('env') === undefined
      ? visibleEnvironments(view, callerOf(request))
      : [environmentOf(request, view)];
  }
}

const byClient = (a: { clientId: string }, b: { clientId: string }): number =>
  a.clientId < b.clientId ? -1 : 1;
