import { HeadwaterError, valueAt } from '@headwater/schemas/protocol';
import type { RepoIndex } from '../core/repo-index.ts';
import { planOf } from '../core/schema-plan.ts';
import { findCredentials } from '../core/secret-shapes.ts';
import type { LiveConfigs } from '../live-configs.ts';
import type { ServiceValues } from './plan-values.ts';

/**
 * What a preset may hold: values of services that are there, and no secret. Whether values fit is judged where they are activated,
 * because schemas go on changing.
 * @throws HeadwaterError `HW_NOT_FOUND`, `HW_SECRET_IN_CONFIG`.
 */
export function checkPresetValues(services: ServiceValues, index: RepoIndex, live: LiveConfigs): void {
  for (const [service, values] of Object.entries(services)) {
    const env = index.environments().find((one) => index.inputs(service, one) !== null);
    if (env === undefined) {
      throw new HeadwaterError('HW_NOT_FOUND', {
        message: `there is no service ${JSON.stringify(service)} to save values of`,
        hint: 'Leave it out, or add the service first.',
      });
    }
    const schema = live.atTip(env, service)?.schema;
    const secret =
      schema && planOf(schema).secrets.find(({ pointer }) => valueAt(values, pointer) !== undefined);
    const pointer = secret?.pointer ?? findCredentials(values).find(({ isCertain }) => isCertain)?.pointer;
    if (pointer === undefined) continue;
    throw new HeadwaterError('HW_SECRET_IN_CONFIG', {
      message: `${pointer} of ${service} is a secret, and everybody who reads the repository reads presets`,
      hint: 'Leave it out: secrets stay as they are when a preset is activated.',
    });
  }
}
