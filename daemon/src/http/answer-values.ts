import type { ValueDifference, ValuesDryRun, ValuesResult } from '@headwater/schemas/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PlannedValues } from '../changes/plan-values.ts';
import { answerChange, type ChangeOptions } from './answer-change.ts';

/** Most differences that one answer lists. */
const maxListed = 1_000;

/** Commits planned values, and says beside the usual answer which of them differed. */
export async function answerValues(
  request: FastifyRequest,
  reply: FastifyReply,
  planned: PlannedValues & { readonly message: string; readonly differences: readonly ValueDifference[] },
  options: ChangeOptions,
): Promise<ValuesResult | ValuesDryRun> {
  const { at, files, differences, missing, message } = planned;
  const answer = await answerChange(request, reply, { base: at.commit, files, message }, options);
  return {
    ...answer,
    differences: differences.slice(0, maxListed),
    more: { differences: Math.max(0, differences.length - maxListed) },
    missing,
  };
}
