/** Secrets in files that everybody may read: settings that the schema calls secret, and texts that have the look of one. */
import { type JsonObject, valueAt } from '@headwater/schemas/protocol';
import type { ReadBlob } from './files.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import { type ParsedLayer, placeFindings, type UnplacedFinding } from './place-problems.ts';
import { planOf } from './schema-plan.ts';
import { type FoundCredential, findCredentials } from './secret-shapes.ts';

/** Their values go nowhere. Rejects as `placeFindings`. */
export function findPlainSecrets(
  inputs: ServiceInputs,
  document: JsonObject,
  layers: readonly ParsedLayer[],
  readBlob: ReadBlob,
): Promise<Finding[]> {
  const found = layers.flatMap((layer) => [
    ...secretSettings(layer, document, inputs.folder),
    ...credentials(layer, document),
  ]);
  return placeFindings(found, readBlob, inputs);
}

function secretSettings(
  { parsed, path, oid }: ParsedLayer,
  document: JsonObject,
  folder: string,
): UnplacedFinding[] {
  const hint = `Put it into ${folder}/secrets.json with sops, remove it here, and treat the old value as known to others.`;
  return planOf(document).secrets.flatMap(({ pointer }): UnplacedFinding[] => {
    if (!('value' in parsed) || valueAt(parsed.value, pointer) === undefined) return [];
    const message = `${pointer} is a secret and must not be written in plain text`;
    return [{ severity: 'error', code: 'HW_SECRET_IN_CONFIG', path, oid, pointer, message, hint }];
  });
}

function credentials({ parsed, path, oid }: ParsedLayer, document: JsonObject): UnplacedFinding[] {
  if (!('value' in parsed)) return [];
  const secrets = new Set(planOf(document).secrets.map(({ pointer }) => pointer));
  return findCredentials(parsed.value)
    .filter(({ pointer }) => !secrets.has(pointer)) // told already
    .map((found) => ({ ...describe(found), path, oid, pointer: found.pointer }));
}

function describe({ kind, pointer, isCertain }: FoundCredential) {
  if (isCertain) {
    const message = `${pointer} holds ${kind}`;
    const hint =
      'Everybody who can read the repository has it now: revoke or replace it first, then remove it here.';
    return { severity: 'error', code: 'HW_SECRET_EXPOSED', message, hint } as const;
  }
  const message = `${pointer} looks like ${kind}, and everybody who can read the repository has it`;
  const hint =
    'If it is one: choose a new one, mark the setting "secret" in the schema, and put it into a secrets file.';
  return { severity: 'warning', code: 'HW_SECRET_SUSPECTED', message, hint } as const;
}
