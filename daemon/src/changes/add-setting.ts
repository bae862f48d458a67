import type { NewSetting } from '@headwater/schemas/http';
import {
  formatPointer,
  HeadwaterError,
  type JsonValue,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';
import { setSetting } from '../core/edit/set-setting.ts';
import { readVersion } from '../editing/read-version.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { LayerDocuments } from './layer-documents.ts';
import { newest } from './newest.ts';

/**
 * Describes a setting in the schema of a service, and sets it.
 * @throws HeadwaterError `HW_NOT_FOUND`, `HW_REQUEST_INVALID` when the schema describes it already or cannot be read.
 */
export async function addSetting(
  service: string,
  { pointer, schema, layer = 'base', ...wanted }: NewSetting,
  deps: PlanDeps,
): Promise<ChangePlan> {
  const at = newest(deps);
  const documents = new LayerDocuments(at, deps);
  await documents.load([{ service, layer }]);
  const path = `schemas/${service}.schema.json`;
  const file = (await deps.reader.findFiles(at.commit, [path])).get(path);
  const version = await readVersion(file, deps.readBlob);
  const place = formatPointer(parsePointer(pointer).flatMap((name) => ['properties', name]));
  if (version.kind !== 'document' || valueAt(version.value, place) !== undefined) {
    throw new HeadwaterError('HW_REQUEST_INVALID', {
      message:
        version.kind === 'document' ? `${path} describes ${pointer} already` : `${path} cannot be read`,
      hint: 'Change what is there in the repository, or choose another name.',
    });
  }
  if (wanted.value !== undefined) documents.set({ service, layer }, pointer, wanted.value as JsonValue);
  return {
    base: at.commit,
    files: [
      { kind: 'json', path, desired: setSetting(version.value, place, schema) },
      ...documents.changes(),
    ],
    message: `Add ${pointer.slice(1)} to ${service}`,
  };
}
