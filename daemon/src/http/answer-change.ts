import type { DryRun, EditResult } from '@headwater/schemas/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeDesk } from '../changes/change-desk.ts';
import type { ChangePlan } from '../changes/change-plan.ts';
import { actorOf } from './actor.ts';
import { callerOf } from './auth.ts';

/** How a plan is asked for. */
export interface ChangeOptions {
  readonly desk: ChangeDesk;
  readonly dryRun: boolean;
  /** Default: the plan's. */
  readonly message?: string | undefined;
}

/** Makes the commit, or says what it would do. 201: every environment takes it; 202: one waits; 200: nothing to change, or a dry run. */
export async function answerChange(
  request: FastifyRequest,
  reply: FastifyReply,
  plan: ChangePlan,
  { desk, dryRun, message }: ChangeOptions,
): Promise<EditResult | DryRun> {
  const caller = callerOf(request);
  const asker = {
    ...{ caller, actor: actorOf(caller), requestId: request.id },
    ...(message === undefined ? {} : { message }),
  };
  if (dryRun) return desk.preview(plan, asker);
  const result = await desk.commit(plan, asker);
  if (result.changed) reply.code(result.held && result.held.length > 0 ? 202 : 201);
  return result;
}
