import type { CommitRequest, DryRun, EditResult, LayerChange } from '@headwater/schemas/http';
import { ask, pathOf } from './http.ts';

/** Changes of one or several services that become one commit. */
export interface Change {
  /** Default: written by the daemon. */
  readonly message?: string;
  /** Commit that the changes were made on. */
  readonly base: string;
  readonly changes: readonly LayerChange[];
}

/** What a change would do. Nothing is written. */
export async function tryChange(change: Change, signal?: AbortSignal): Promise<DryRun> {
  const path = pathOf(['commits'], { dryRun: true });
  return (await ask<DryRun>(path, { method: 'POST', body: request(change), signal })).body;
}

/** @throws ApiError 409 with `conflicts`, 422 with `problems`, 403 `HW_PROTECTED`. */
export async function commitChange(change: Change): Promise<EditResult> {
  return (await ask<EditResult>('/commits', { method: 'POST', body: request(change) })).body;
}

const request = ({ message, base, changes }: Change): CommitRequest => ({
  ...(message ? { message } : {}),
  base,
  changes,
});

/** The commit that an entity tag names: its first part. */
export const commitOfEtag = (etag: string): string => /^"?([0-9a-f]+)\./.exec(etag)?.[1] ?? '';
