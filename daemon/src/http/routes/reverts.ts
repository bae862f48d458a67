import type { DryRun, EditResult, RevertRequest } from '@headwater/schemas/http';
import type { FastifyInstance } from 'fastify';
import type { ChangeDesk } from '../../changes/change-desk.ts';
import type { PlanDeps } from '../../changes/change-plan.ts';
import { planRevert } from '../../changes/revert.ts';
import type { Sight } from '../../timeline/history.ts';
import type { DaemonView } from '../../view.ts';
import { answerChange } from '../answer-change.ts';
import { callerOf } from '../auth.ts';
import { Body } from '../body.ts';
import { serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';
import { sightIn } from '../sight.ts';

/** What routes that work changes out stand on. */
export interface ChangeRoutesDeps {
  readonly view: DaemonView;
  readonly desk: ChangeDesk;
  readonly plans: PlanDeps;
}

/** Undoing: one commit, one setting, one service, or everything since. Each is a new commit. */
export function revertRoutes(app: FastifyInstance, { view, desk, plans }: ChangeRoutesDeps): void {
  app.post(
    '/api/v1/reverts',
    { config: { access: 'editor' } },
    async (request, reply): Promise<EditResult | DryRun> => {
      const dryRun = new Query(request, ['dryRun']).flag('dryRun');
      const wanted = revertIn(request.body);
      const sight = sightIn(view, callerOf(request));
      if ('service' in wanted) checkVisible(wanted, sight);
      const plan = await planRevert(wanted, sight, plans);
      return answerChange(request, reply, plan, { desk, dryRun, message: wanted.message });
    },
  );
}

function checkVisible({ service, layer }: { service: string; layer?: string }, sight: Sight): void {
  const isSeen =
    layer === undefined || layer === 'base' ? sight.anywhere(service) : sight.service(layer, service);
  if (!isSeen) throw serviceNotFound();
}

const members = ['message', 'commit', 'service', 'pointer', 'layer', 'env', 'to', 'allowRemoval'];

function revertIn(value: unknown): RevertRequest {
  const body = new Body(value, members);
  const message = body.text('message');
  const common = message === undefined ? {} : { message };
  const only = (...names: string[]) => new Body(value, ['message', ...names]);
  if (body.has('commit')) return { ...common, commit: only('commit').required('commit') };
  if (body.has('pointer')) {
    const own = only('service', 'pointer', 'layer', 'to');
    const to = own.text('to');
    return {
      ...common,
      ...{ service: own.name('service'), pointer: own.pointer('pointer'), layer: own.layer('layer') },
      ...(to === undefined ? {} : { to }),
    };
  }
  if (body.has('service')) {
    const own = only('service', body.has('env') ? 'env' : 'layer', 'to');
    const layer = own.has('env') ? own.name('env') : own.has('layer') ? own.layer('layer') : undefined;
    return {
      ...common,
      ...{ service: own.name('service'), to: own.required('to') },
      ...(layer === undefined ? {} : { layer }),
    };
  }
  const own = only('to', 'allowRemoval');
  const allowRemoval = own.count('allowRemoval', 1_000_000);
  return {
    ...common,
    to: own.required('to'),
    ...(allowRemoval === undefined ? {} : { allowRemoval }),
  };
}
