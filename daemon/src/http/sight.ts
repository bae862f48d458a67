import { coversEverything, coversService, type TokenRecord } from '../access.ts';
import type { Sight } from '../timeline/history.ts';
import type { DaemonView } from '../view.ts';
import { visibleEnvironments } from './environment.ts';

/** What of services a caller may see. */
export function sightIn(view: Pick<DaemonView, 'environments'>, caller: TokenRecord): Sight {
  const environments = visibleEnvironments(view, caller);
  return {
    everything: coversEverything(caller),
    service: (env, service) => coversService(caller, env, service),
    anywhere: (service) => environments.some((env) => coversService(caller, env, service)),
  };
}
