import type {
  EditResult,
  EnvironmentComparison,
  PromotionRequest,
  ValuesDryRun,
} from '@headwater/schemas/http';
import { ask, get, pathOf } from './http.ts';

/** What differs between two environments that are live. */
export function compareEnvironments(
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<EnvironmentComparison> {
  return get(pathOf(['compare'], { envs: `${from},${to}` }), signal);
}

export async function tryPromotion(body: PromotionRequest, signal?: AbortSignal): Promise<ValuesDryRun> {
  return (await ask<ValuesDryRun>(pathOf(['promotions'], { dryRun: true }), { method: 'POST', body, signal }))
    .body;
}

export async function promote(body: PromotionRequest): Promise<EditResult> {
  return (await ask<EditResult>('/promotions', { method: 'POST', body })).body;
}
