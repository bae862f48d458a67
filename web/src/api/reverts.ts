import type { DryRun, EditResult, RevertRequest } from '@headwater/schemas/http';
import { ask, pathOf } from './http.ts';

/** What undoing would do. Nothing is written. */
export async function tryRevert(body: RevertRequest, signal?: AbortSignal): Promise<DryRun> {
  return (await ask<DryRun>(pathOf(['reverts'], { dryRun: true }), { method: 'POST', body, signal })).body;
}

export async function revert(body: RevertRequest): Promise<EditResult> {
  return (await ask<EditResult>('/reverts', { method: 'POST', body })).body;
}
