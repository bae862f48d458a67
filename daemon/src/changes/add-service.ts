import type { NewService } from '@headwater/schemas/http';
import { HeadwaterError, isName, type JsonObject } from '@headwater/schemas/protocol';
import { inferSchema } from '../core/infer-schema.ts';
import { classifyPath } from '../core/layout.ts';
import type { FileChange } from '../editing/edit.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { newest } from './newest.ts';
import { serviceFiles } from './service-files.ts';

/**
 * A service that is not there yet: its schema, base and overlays.
 * @throws HeadwaterError `HW_SERVICE_DUPLICATE`, `HW_NAME_INVALID`, `HW_NOT_FOUND` for an environment, `HW_SECRET_IN_CONFIG`.
 */
export async function addService(wanted: NewService, deps: PlanDeps): Promise<ChangePlan> {
  const { service, group, config = {}, overlays = {}, owner } = wanted;
  const at = newest(deps);
  await checkFree(service, at.commit, deps);
  const folder = ['services', ...(group === undefined ? [] : group.split('/')), service].join('/');
  if (classifyPath(`${folder}/config.json`).kind !== 'base') {
    throw new HeadwaterError('HW_NAME_INVALID', {
      message: 'the group is not made of names',
      hint: 'A group reads "speech" or "team/speech".',
    });
  }
  const unknown = Object.keys(overlays).find((env) => !at.index.environments().includes(env));
  if (unknown !== undefined) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no environment ${JSON.stringify(unknown.slice(0, 80))}`,
      hint: `Overlays are for: ${at.index.environments().join(', ')}.`,
    });
  }
  const schema = wanted.schema ?? inferSchema(config, { service, ...(owner === undefined ? {} : { owner }) });
  const file = (path: string, desired: JsonObject): FileChange => ({ kind: 'json', path, desired });
  return {
    base: at.commit,
    files: [
      file(`schemas/${service}.schema.json`, schema),
      file(`${folder}/config.json`, config),
      ...Object.entries(overlays).map(([env, overlay]) => file(`${folder}/config.${env}.json`, overlay)),
    ],
    message: `Add service ${service}`,
  };
}

/** @throws HeadwaterError `HW_SERVICE_DUPLICATE` when something of that name is there, `HW_NAME_INVALID`. */
export async function checkFree(service: string, commit: string, deps: PlanDeps): Promise<void> {
  if (!isName(service)) {
    throw new HeadwaterError('HW_NAME_INVALID', {
      message: `${JSON.stringify(service.slice(0, 80))} is not a service name`,
      hint: 'Use a lower-case letter, then lower-case letters, digits and "-", 63 characters at most.',
    });
  }
  const [present] = await serviceFiles(service, commit, deps);
  if (present === undefined) return;
  throw new HeadwaterError('HW_SERVICE_DUPLICATE', {
    message: `there is a service "${service}" already: ${present.path}`,
    hint: 'Choose another name, or change the files of that service.',
  });
}
