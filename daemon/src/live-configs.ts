/** What is live, config by config, for questions over many services at once. Free of secrets, as every resolved config. */
import type { Epoch, JsonObject } from '@headwater/schemas/protocol';
import type { EnvironmentTrack, LiveService } from './epochs/environment-track.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import { epochAt } from './epochs/place.ts';

export interface LiveConfig {
  readonly service: string;
  readonly env: string;
  /** Service epoch. */
  readonly epoch: Epoch;
  readonly config: JsonObject;
  /** Of `config`. */
  readonly digest: string;
  readonly schema: JsonObject;
}

export interface LiveConfigs {
  /** Everything that is live in an environment; nothing for one that is not declared. */
  of(env: string): Iterable<LiveConfig>;
  get(env: string, service: string): LiveConfig | null;
  /** The same at the newest commit, live or not; `null` when the service is not there or not valid. */
  atTip(env: string, service: string): LiveConfig | null;
}

/** Before anything was read. */
export const nothingLive: LiveConfigs = { of: () => [], get: () => null, atTip: () => null };

export function createLiveConfigs(engine: () => EpochEngine | null, era: () => number): LiveConfigs {
  const track = (env: string) => engine()?.environments.get(env);
  const live = (
    env: string,
    service: string,
    { epoch, resolved }: Pick<LiveService, 'epoch' | 'resolved'>,
  ) => ({
    ...{ service, env, config: resolved.config, digest: resolved.digest, schema: resolved.schemaDocument },
    epoch: epochAt(epoch, era()),
  });
  return {
    *of(env) {
      const found: EnvironmentTrack | undefined = track(env);
      for (const [service, one] of found?.live ?? []) yield live(env, service, one);
    },
    get(env, service) {
      const one = track(env)?.live.get(service);
      return one ? live(env, service, one) : null;
    },
    atTip(env, service) {
      const one = track(env)?.tip.get(service);
      const resolved = one?.judgement.resolved;
      return one && resolved ? live(env, service, { epoch: one.epoch, resolved }) : null;
    },
  };
}
