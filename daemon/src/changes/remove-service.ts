import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { newest } from './newest.ts';
import { type ServiceFile, serviceFiles } from './service-files.ts';

/**
 * Everything of a service goes: schema, layers, secrets, readers. Presets keep the values they have of it, so that it can come back.
 * @throws HeadwaterError `HW_NOT_FOUND`.
 */
export async function removeService(service: string, deps: PlanDeps): Promise<ChangePlan> {
  const at = newest(deps);
  const files = await presentFiles(service, at.commit, deps);
  return {
    base: at.commit,
    files: files.map(({ path }) => ({ kind: 'bytes', path, content: null })),
    message: `Remove service ${service}`,
    // Notes beside the config belong to it as well.
    isOpen: (path) => files.some((file) => file.path === path && file.role.kind === 'other'),
  };
}

/** Files of a service that is there. @throws HeadwaterError `HW_NOT_FOUND`. */
export async function presentFiles(service: string, commit: string, deps: PlanDeps): Promise<ServiceFile[]> {
  const files = await serviceFiles(service, commit, deps);
  if (files.some(({ role }) => role.kind === 'base' || role.kind === 'overlay')) return files;
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is no such service, or this token may not see it',
    hint: 'GET /api/v1/services?env=… lists those that are live.',
  });
}
