import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RepoIndex } from '../core/repo-index.ts';
import { closest } from '../core/suggest.ts';

/** Where a layer of a service is written. The file need not be there yet. */
export interface EditTarget {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly path: string;
}

/** What of the index it takes. */
export type TargetIndex = Pick<RepoIndex, 'environments' | 'services' | 'inputs'>;

/**
 * Finds the file of a layer by names alone, whatever groups the service lies in.
 * @throws HeadwaterError `HW_NOT_FOUND`: no such service, or no such environment.
 */
export function editTarget(index: TargetIndex, service: string, layer: string): EditTarget {
  const folder = folderOf(index, service);
  if (layer === 'base') return { service, layer, path: `${folder}/config.json` };
  const environments = index.environments();
  if (environments.includes(layer)) return { service, layer, path: `${folder}/config.${layer}.json` };
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `there is no environment ${JSON.stringify(layer.slice(0, 80))}`,
    hint: `A layer is "base" or one of: ${environments.join(', ')}.`,
  });
}

/** Folder of a service. @throws HeadwaterError `HW_NOT_FOUND`. */
export function folderOf(index: TargetIndex, service: string): string {
  for (const env of index.environments()) {
    const folder = index.inputs(service, env)?.folder;
    if (folder !== undefined) return folder;
  }
  const known = new Set(index.environments().flatMap((env) => [...index.services(env)]));
  const near = closest(service, [...known]);
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `there is no service ${JSON.stringify(service.slice(0, 80))}`,
    hint: near === null ? 'See the list of services.' : `Did you mean "${near}"?`,
  });
}
