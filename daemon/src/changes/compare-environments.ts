import type { ComparedService, EnvironmentComparison } from '@headwater/schemas/http';
import { settingChanges } from '../core/service-change.ts';
import type { LiveConfig, LiveConfigs } from '../live-configs.ts';

/** What differs between two environments, of the services that `sees` allows. Equal digests are not looked into. */
export function compareEnvironments(
  from: string,
  to: string,
  live: LiveConfigs,
  sees: (env: string, service: string) => boolean,
): EnvironmentComparison {
  const ours = new Map<string, LiveConfig>();
  for (const one of live.of(from)) if (sees(from, one.service)) ours.set(one.service, one);
  const services: ComparedService[] = [];
  let equal = 0;
  for (const theirs of live.of(to)) {
    const { service, schema } = theirs;
    if (!sees(to, service)) continue;
    const own = ours.get(service);
    ours.delete(service);
    if (own?.digest === theirs.digest) equal++;
    else if (!own) services.push({ service, only: to, settings: told({}, theirs.config, schema) });
    else services.push({ service, settings: told(own.config, theirs.config, schema) });
  }
  for (const { service, config, schema } of ours.values())
    services.push({ service, only: from, settings: told(config, {}, schema) });
  services.sort((a, b) => (a.service < b.service ? -1 : 1));
  return { envs: [from, to], services, equal };
}

function told(...sides: Parameters<typeof settingChanges>): ComparedService['settings'] {
  return settingChanges(...sides).map(({ apply: _, unit: __, ...setting }) => setting);
}
