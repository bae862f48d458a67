/** Environments beside each other: promotion of settings, export of values, import of values. */
import type { Exported, ValuesDryRun, ValuesResult } from '@headwater/schemas/http';
import { isName, type JsonObject } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { coversService } from '../../access.ts';
import { planValues } from '../../changes/plan-values.ts';
import { planPromotion } from '../../changes/promote.ts';
import { printDotenv } from '../../core/print-dotenv.ts';
import { answerValues } from '../answer-values.ts';
import { callerOf } from '../auth.ts';
import { Body } from '../body.ts';
import type { ConfigApiDeps } from '../config-api-deps.ts';
import { environmentOf, visibleEnvironments } from '../environment.ts';
import { environmentNotFound, requestInvalid, serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';
import { sightIn } from '../sight.ts';
import { valuesIn } from './presets.ts';

const maxSettings = 10_000;
/** Values of many services in one body. */
const maxImportBytes = 16 * 1024 * 1024;

export function environmentRoutes(app: FastifyInstance, deps: ConfigApiDeps): void {
  const { view, desk, plans, live } = deps;
  const editor = { access: 'editor' } as const;

  app.post(
    '/api/v1/promotions',
    { config: editor },
    async (request, reply): Promise<ValuesResult | ValuesDryRun> => {
      const dryRun = new Query(request, ['dryRun']).flag('dryRun');
      const body = new Body(request.body, ['from', 'to', 'settings', 'message']);
      const [from, to] = [body.name('from'), body.name('to')];
      const caller = callerOf(request);
      const seen = visibleEnvironments(view, caller);
      if (!seen.includes(from) || !seen.includes(to)) throw environmentNotFound(seen);
      if (from === to) throw requestInvalid('"from" and "to" are the same environment');
      const settings = body.list('settings', maxSettings).map((one) => {
        const setting = new Body(one, ['service', 'pointer'], 'a setting');
        return { service: setting.name('service'), pointer: setting.pointer('pointer') };
      });
      for (const { service } of settings)
        if (!coversService(caller, from, service) || !coversService(caller, to, service))
          throw serviceNotFound();
      const planned = await planPromotion({ from, to, settings }, { ...plans, live });
      const count = planned.differences.length;
      const what = count === 1 ? planned.differences[0]?.pointer.slice(1) : `${count} settings`;
      const message = `Promote ${what} from ${from} to ${to}`;
      return answerValues(
        request,
        reply,
        { ...planned, message },
        { desk, dryRun, message: body.text('message') },
      );
    },
  );

  app.get(
    '/api/v1/export',
    { config: { access: 'viewer' } },
    async (request, reply): Promise<Exported | string> => {
      const query = new Query(request, ['env', 'service', 'format', 'schema']);
      const env = environmentOf(request, view);
      const caller = callerOf(request);
      const only = query.name('service');
      const found = [...live.of(env)].filter(
        ({ service }) => coversService(caller, env, service) && (only === undefined || service === only),
      );
      if (only !== undefined && found.length === 0) throw serviceNotFound();
      const format = query.text('format') ?? 'json';
      if (format === 'dotenv') {
        const [one] = found;
        if (only === undefined || !one)
          throw requestInvalid('format "dotenv" is for one service: add service=…');
        return reply.type('text/plain; charset=utf-8').send(printDotenv(one.config, one.schema));
      }
      if (format !== 'json') throw requestInvalid('the parameter "format" is json or dotenv');
      found.sort((a, b) => (a.service < b.service ? -1 : 1));
      const pick = (key: 'config' | 'schema') =>
        Object.fromEntries(found.map((one): [string, JsonObject] => [one.service, one[key]]));
      return {
        headwater: 1,
        deployment: view.deployment,
        env,
        epoch: view.environment(env)?.epoch ?? null,
        services: pick('config'),
        ...(query.flag('schema') ? { schemas: pick('schema') } : {}),
      };
    },
  );

  app.post(
    '/api/v1/import',
    { config: editor, bodyLimit: maxImportBytes },
    async (request, reply): Promise<ValuesResult | ValuesDryRun> => {
      const dryRun = new Query(request, ['dryRun']).flag('dryRun');
      // Members of an export that say where it came from are let through.
      const origin = ['headwater', 'deployment', 'env', 'epoch', 'schemas'];
      const body = new Body(request.body, ['layer', 'services', 'message', ...origin]);
      const layer = body.layer('layer');
      const values = valuesIn(body.object('services'));
      const sight = sightIn(view, callerOf(request));
      for (const service of Object.keys(values))
        if (!isName(service) || !sight.anywhere(service)) throw serviceNotFound();
      const planned = await planValues(values, layer, { ...plans, live });
      const place = layer === 'base' ? '' : ` into ${layer}`;
      const message = `Import ${planned.differences.length} settings${place}`;
      return answerValues(
        request,
        reply,
        { ...planned, message },
        { desk, dryRun, message: body.text('message') },
      );
    },
  );
}
