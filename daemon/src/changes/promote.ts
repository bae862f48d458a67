import type { PromotionRequest, ValueDifference } from '@headwater/schemas/http';
import { equalValues, HeadwaterError, type JsonValue, valueAt } from '@headwater/schemas/protocol';
import { planOf } from '../core/schema-plan.ts';
import { LayerDocuments } from './layer-documents.ts';
import { newest } from './newest.ts';
import type { PlannedValues, ValuesDeps } from './plan-values.ts';

/**
 * The values that settings have in one environment, set in the overlay of another. A setting that the first does not have is taken out
 * of that overlay. Both as they stand at the newest commit.
 * @throws HeadwaterError `HW_NOT_FOUND` for a service that is not in both, `HW_SECRET_IN_CONFIG` for a secret.
 */
export async function planPromotion(
  { from, to, settings }: PromotionRequest,
  deps: ValuesDeps,
): Promise<PlannedValues> {
  const at = newest(deps);
  const documents = new LayerDocuments(at, deps);
  await documents.load(settings.map(({ service }) => ({ service, layer: to })));
  const differences: ValueDifference[] = [];
  for (const { service, pointer } of settings) {
    const [source, target] = [deps.live.atTip(from, service), deps.live.atTip(to, service)];
    if (!source || at.index.inputs(service, to) === null) throw notInBoth(service);
    refuseSecret(
      planOf(source.schema).secrets.map((one) => one.pointer),
      pointer,
    );
    const value = valueAt(source.config, pointer) as JsonValue | undefined;
    const now = target ? (valueAt(target.config, pointer) as JsonValue | undefined) : undefined;
    if (value === now || (value !== undefined && now !== undefined && equalValues(value, now))) continue;
    documents.set({ service, layer: to }, pointer, value);
    differences.push({
      ...{ service, pointer },
      ...(now === undefined ? {} : { from: now }),
      ...(value === undefined ? {} : { to: value }),
    });
  }
  return { at, files: documents.changes(), differences, missing: [] };
}

function refuseSecret(secrets: readonly string[], pointer: string): void {
  if (!secrets.some((secret) => secret === pointer || pointer.startsWith(`${secret}/`))) return;
  throw new HeadwaterError('HW_SECRET_IN_CONFIG', {
    message: `${pointer} is a secret: its value is in no config that could be promoted`,
    hint: 'Set it in the other environment: headwater secrets set.',
  });
}

function notInBoth(service: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `${service} is not in both environments, or is not valid now`,
    hint: 'GET /api/v1/compare?envs=… shows what is where.',
  });
}
