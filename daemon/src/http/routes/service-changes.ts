/** Services that come, go and change their names, and settings that are new. Each is one commit. */
import type { JsonObject, JsonValue } from '@headwater/schemas/protocol';
import { isName, isObject } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addService } from '../../changes/add-service.ts';
import { addSetting } from '../../changes/add-setting.ts';
import type { ChangePlan } from '../../changes/change-plan.ts';
import { removeService } from '../../changes/remove-service.ts';
import { renameService } from '../../changes/rename-service.ts';
import { answerChange } from '../answer-change.ts';
import { callerOf } from '../auth.ts';
import { Body } from '../body.ts';
import type { ConfigApiDeps } from '../config-api-deps.ts';
import { requestInvalid, serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';
import { sightIn } from '../sight.ts';

interface Named {
  Params: { service: string };
}

export function serviceChangeRoutes(app: FastifyInstance, deps: ConfigApiDeps): void {
  const { view, desk, plans } = deps;
  const editor = { config: { access: 'editor' } } as const;
  const route = '/api/v1/services/:service';
  const answer = (request: FastifyRequest, reply: FastifyReply, plan: ChangePlan, message?: string) =>
    answerChange(request, reply, plan, {
      desk,
      message,
      dryRun: new Query(request, ['dryRun']).flag('dryRun'),
    });

  /** Names that the caller may not see are not there. */
  function visible(request: FastifyRequest<Named>): string {
    const { service } = request.params;
    if (!isName(service) || !sightIn(view, callerOf(request)).anywhere(service)) throw serviceNotFound();
    return service;
  }

  app.post('/api/v1/services', editor, async (request, reply) => {
    const body = new Body(request.body, [
      'service',
      'group',
      'config',
      'overlays',
      'schema',
      'owner',
      'message',
    ]);
    const service = body.name('service');
    // Whether it is there already is told to those who would see it.
    if (!sightIn(view, callerOf(request)).anywhere(service)) throw serviceNotFound();
    const overlays = body.object('overlays') ?? {};
    if (!Object.values(overlays).every(isObject)) throw requestInvalid('"overlays" is { "<env>": { … } }');
    const plan = await addService(
      {
        service,
        overlays: overlays as Readonly<Record<string, JsonObject>>,
        ...present({ group: body.text('group'), owner: body.text('owner') }),
        ...present({ config: body.object('config'), schema: body.object('schema') }),
      },
      plans,
    );
    return answer(request, reply, plan, body.text('message'));
  });

  app.delete<Named>(route, editor, async (request, reply) =>
    answer(request, reply, await removeService(visible(request), plans)),
  );

  app.post<Named>(`${route}/rename`, editor, async (request, reply) => {
    const service = visible(request);
    const body = new Body(request.body, ['to', 'keep', 'message']);
    const to = body.name('to');
    if (!sightIn(view, callerOf(request)).anywhere(to)) throw serviceNotFound();
    const keep = body.has('keep') ? body.flag('keep') : true;
    return answer(
      request,
      reply,
      await renameService(service, { to, keep }, deps.renames),
      body.text('message'),
    );
  });

  app.post<Named>(`${route}/settings`, editor, async (request, reply) => {
    const service = visible(request);
    const body = new Body(request.body, ['pointer', 'schema', 'value', 'layer', 'message']);
    const schema = body.object('schema');
    if (schema === undefined) throw requestInvalid('"schema" is the JSON Schema of the setting');
    const layer = body.has('layer') ? body.layer('layer') : 'base';
    const value: JsonValue | undefined = body.value('value');
    const setting = {
      pointer: body.pointer('pointer'),
      schema,
      layer,
      ...(value === undefined ? {} : { value }),
    };
    return answer(request, reply, await addSetting(service, setting, plans), body.text('message'));
  });
}

/** Without the members that are not there. */
function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
