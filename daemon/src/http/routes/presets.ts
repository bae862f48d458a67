/** Presets: saved values of many services, kept in the repository; activated as one commit. */
import type {
  PresetDocument,
  PresetList,
  PresetSummary,
  ValuesDryRun,
  ValuesResult,
} from '@headwater/schemas/http';
import { HeadwaterError, isName, isObject, type JsonObject } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { changedSince } from '../../changes/changed-since.ts';
import { checkPresetValues } from '../../changes/check-preset.ts';
import { newest } from '../../changes/newest.ts';
import { planValues, type ServiceValues } from '../../changes/plan-values.ts';
import { doneBy, type Preset, presetPath } from '../../changes/preset-shelf.ts';
import type { Sight } from '../../timeline/history.ts';
import { answerChange } from '../answer-change.ts';
import { answerValues } from '../answer-values.ts';
import { callerOf } from '../auth.ts';
import { Body } from '../body.ts';
import type { ConfigApiDeps } from '../config-api-deps.ts';
import { visibleEnvironments } from '../environment.ts';
import { environmentNotFound, requestInvalid } from '../not-found.ts';
import { Query } from '../query.ts';
import { sightIn } from '../sight.ts';

interface Named {
  Params: { name: string };
}

/** Most services in one preset or import. */
export const maxServices = 20_000;

export function presetRoutes(app: FastifyInstance, deps: ConfigApiDeps): void {
  const { view, desk, plans, live } = deps;
  const { shelf } = deps.renames;
  const viewer = { config: { access: 'viewer' } } as const;
  const editor = { config: { access: 'editor' } } as const;
  const route = '/api/v1/presets/:name';

  app.get('/api/v1/presets', viewer, async (request): Promise<PresetList> => {
    new Query(request, []);
    const sight = sightIn(view, callerOf(request));
    const { commit } = newest(plans);
    const presets: PresetSummary[] = [];
    for (const name of await shelf.names(commit)) {
      const preset = await shelf.readIfSound(name, commit);
      const services = Object.keys(preset?.services ?? {}).filter((one) => sight.anywhere(one));
      if (services.length === 0 && !sight.everything) continue;
      presets.push({ ...(await headOf(name, preset)), services: services.sort() });
    }
    return { presets };
  });

  app.get<Named>(route, viewer, async (request): Promise<PresetDocument> => {
    new Query(request, []);
    const sight = sightIn(view, callerOf(request));
    const preset = await presetOf(request.params.name);
    const services = Object.entries(preset.services).filter(([service]) => sight.anywhere(service));
    if (services.length === 0 && !sight.everything) throw presetNotFound();
    return { ...(await headOf(request.params.name, preset)), services: Object.fromEntries(services) };
  });

  app.put<Named>(route, editor, async (request, reply) => {
    const dryRun = new Query(request, ['dryRun']).flag('dryRun');
    const { name } = request.params;
    if (!isName(name)) throw requestInvalid('a preset has a name as services have');
    const body = new Body(request.body, ['title', 'services', 'from', 'message']);
    const sight = sightIn(view, callerOf(request));
    if (body.has('services') === body.has('from')) throw requestInvalid('give one of "services" and "from"');
    const services = body.has('from')
      ? valuesFrom(body.object('from'), sight, visibleEnvironments(view, callerOf(request)))
      : valuesIn(body.object('services'));
    const at = newest(plans);
    const before = await shelf.readIfSound(name, at.commit);
    checkSeen([...Object.keys(services), ...Object.keys(before?.services ?? {})], sight);
    checkPresetValues(services, at.index, live);
    const title = body.text('title') ?? before?.title;
    const desired = { headwater: 1, ...(title === undefined ? {} : { title }), services };
    const plan = {
      base: at.commit,
      files: [{ kind: 'json' as const, path: presetPath(name), desired }],
      message: `Save preset ${name}`,
      isOpen: (path: string) => path === presetPath(name),
    };
    return answerChange(request, reply, plan, { desk, dryRun, message: body.text('message') });
  });

  app.delete<Named>(route, editor, async (request, reply) => {
    const dryRun = new Query(request, ['dryRun']).flag('dryRun');
    const { name } = request.params;
    const sight = sightIn(view, callerOf(request));
    const at = newest(plans);
    const preset = isName(name) ? await shelf.readIfSound(name, at.commit) : null;
    const services = Object.keys(preset?.services ?? {});
    if (!sight.everything && !services.some((service) => sight.anywhere(service))) throw presetNotFound();
    checkSeen(services, sight);
    const plan = {
      base: at.commit,
      files: [{ kind: 'file' as const, path: presetPath(name), content: null }],
      message: `Remove preset ${name}`,
      isOpen: (path: string) => path === presetPath(name),
    };
    return answerChange(request, reply, plan, { desk, dryRun });
  });

  app.post<Named>(
    `${route}/activate`,
    editor,
    async (request, reply): Promise<ValuesResult | ValuesDryRun> => {
      const dryRun = new Query(request, ['dryRun']).flag('dryRun');
      const { name } = request.params;
      const body = new Body(request.body, ['layer', 'message']);
      const layer = body.layer('layer');
      const sight = sightIn(view, callerOf(request));
      const preset = await presetOf(name);
      const services = Object.keys(preset.services);
      if (!sight.everything && !services.some((service) => sight.anywhere(service))) throw presetNotFound();
      checkSeen(services, sight);
      const planned = await planValues(preset.services, layer, { ...plans, live });
      const saved = dryRun ? await shelf.saved(name) : null;
      const changed = saved ? await changedSince(saved, planned.differences, plans) : new Map();
      const differences = planned.differences.map((one) => {
        const by = changed.get(one);
        return by === undefined ? one : { ...one, changed: by };
      });
      const place = layer === 'base' ? '' : ` in ${layer}`;
      const message = `Activate preset ${name}${place}`;
      return answerValues(
        request,
        reply,
        { ...planned, differences, message },
        { desk, dryRun, message: body.text('message') },
      );
    },
  );

  async function presetOf(name: string): Promise<Preset> {
    const preset = isName(name) ? await shelf.read(name, newest(plans).commit) : null;
    if (!preset) throw presetNotFound();
    return preset;
  }

  async function headOf(name: string, preset: Preset | null): Promise<Omit<PresetSummary, 'services'>> {
    const saved = await shelf.saved(name);
    return {
      name,
      ...(preset?.title === undefined ? {} : { title: preset.title }),
      ...(saved ? { saved: doneBy(saved) } : {}),
    };
  }

  function valuesFrom(value: JsonObject | undefined, sight: Sight, seen: readonly string[]): ServiceValues {
    const body = new Body(value, ['env', 'services'], '"from"');
    const env = body.name('env');
    if (!seen.includes(env)) throw environmentNotFound(seen);
    const wanted = body.has('services') ? new Set(body.list('services', maxServices)) : null;
    const values: Record<string, JsonObject> = {};
    for (const { service, config } of live.of(env))
      if (sight.service(env, service) && (wanted === null || wanted.has(service))) values[service] = config;
    return values;
  }
}

/** Service → values, from a body. */
export function valuesIn(value: JsonObject | undefined): ServiceValues {
  const entries = Object.entries(value ?? {});
  if (entries.length === 0 || entries.length > maxServices)
    throw requestInvalid(`"services" has values of 1 to ${maxServices} services`);
  for (const [service, values] of entries)
    if (!isName(service) || !isObject(values)) throw requestInvalid('"services" is { "<service>": { … } }');
  return value as unknown as ServiceValues;
}

/** Names that the caller may not see must not be told apart from names that nobody has. */
function checkSeen(services: readonly string[], sight: Sight): void {
  if (services.every((service) => sight.anywhere(service))) return;
  throw new HeadwaterError('HW_FORBIDDEN', {
    message: 'the preset has values of services beyond this token',
    hint: 'Ask somebody who may change all of them.',
  });
}

function presetNotFound(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is no such preset, or this token may not see it',
    hint: 'GET /api/v1/presets lists them.',
  });
}
