import type { RevertService } from '@headwater/schemas/http';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Sight } from '../timeline/history.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { newest } from './newest.ts';
import { type Restoration, restoreFiles } from './restore-files.ts';
import { folderIn, isAboutSecrets, type ServiceFile, serviceFiles } from './service-files.ts';

/**
 * Takes a service, or one layer of it, back to how it was at a commit or time. It stays in the folder in which it is now. Secrets are
 * left alone: old ones may have been burned, and old readers shut out. A service that is gone comes back whole.
 * @throws HeadwaterError `HW_NOT_FOUND`.
 */
export async function revertService(
  { service, to, ...which }: RevertService,
  sight: Sight,
  deps: PlanDeps,
): Promise<ChangePlan> {
  const layer = which.layer ?? which.env;
  const at = newest(deps);
  const commit = await deps.history.commitOf(to, sight);
  const [then, now] = [
    await serviceFiles(service, commit, deps),
    await serviceFiles(service, at.commit, deps),
  ];
  const isGone = folderIn(now) === null;
  const isWanted = ({ role }: ServiceFile) =>
    layer === undefined ? isGone || !isAboutSecrets(role) : isLayer(role, layer);
  const wanted = then.filter(isWanted);
  const present = now.filter(isWanted);
  if (folderIn(then) === null || (wanted.length === 0 && present.length === 0))
    throw notThen(service, commit);
  const moved = movedTo(folderIn(now), folderIn(then));
  const files = new Map<string, Restoration>(present.map(({ path }) => [path, { path, to: null }]));
  for (const { path, file } of wanted) files.set(moved(path), { path: moved(path), to: file });
  const place = layer === undefined || layer === 'base' ? service : `${service} (${layer})`;
  return {
    base: at.commit,
    files: await restoreFiles([...files.values()], deps),
    message: `Take ${place} back to ${commit.slice(0, 7)}`,
  };
}

function isLayer(role: ServiceFile['role'], layer: string): boolean {
  return layer === 'base' ? role.kind === 'base' : role.kind === 'overlay' && role.env === layer;
}

/** Where a file of a folder lies after the folder moved. */
function movedTo(now: string | null, then: string | null): (path: string) => string {
  if (now === null || then === null || now === then) return (path) => path;
  return (path) => (path.startsWith(`${then}/`) ? now + path.slice(then.length) : path);
}

function notThen(service: string, commit: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `there is nothing of ${JSON.stringify(service.slice(0, 80))} at ${commit.slice(0, 7)} to go back to`,
    hint: `See when it changed: headwater log --service ${service.slice(0, 80)}`,
  });
}
