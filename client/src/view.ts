/** How a signed document becomes what the program reads, by the schemas in use and the process environment. */
import { eachSetting, type JsonObject, readSettings, type Setting } from '@headwater/schemas/protocol';
import { applyRules } from './apply-rules.ts';
import { changesBetween } from './changes.ts';
import { effectiveConfig } from './effective.ts';
import { type EnvOverrides, noOverrides, readEnvOverrides } from './env-overrides.ts';
import type { ResolvedOptions } from './options.ts';
import { slotsOf } from './secrets/attach-secrets.ts';
import type { OpenedSecrets } from './secrets/opened-secrets.ts';
import { secretSlots } from './secrets/secret-slots.ts';

export interface View {
  readonly overrides: EnvOverrides;
  /** @param delivered The schema that judged what is held, as the daemon sent it; `null` when it did not come. */
  useSchema(delivered: JsonObject | null): void;
  /** The frozen document with own defaults, overrides and secrets. @param opened `null`: no document came. */
  effective(document: JsonObject, opened: OpenedSecrets | null): JsonObject;
  /** Settings that differ and wait for a restart, as JSON Pointers. */
  pending(atStart: JsonObject, current: JsonObject): readonly string[];
}

const none: readonly string[] = Object.freeze([]);

export function createView({
  schema,
  environment,
  target,
}: Pick<ResolvedOptions, 'schema' | 'environment' | 'target'>): View {
  let overrides = noOverrides;
  let secrets: readonly Setting[] = [];
  let judging: readonly JsonObject[] = [];
  // Made when the first setting is asked for: a service that starts has its config before.
  let rules: ReturnType<typeof applyRules> | null = null;
  return {
    get overrides() {
      return overrides;
    },
    useSchema(delivered) {
      // What is hot is told by the schema that judged the document first: the own one may be older.
      judging = [delivered, schema?.document].filter((document) => document != null);
      rules = null;
      // What overrides, and what is secret, is told by the own schema: it is the one the program was written against.
      const source = schema?.document ?? delivered;
      const settings = source ? [...eachSetting(readSettings(source))] : [];
      overrides = source ? readEnvOverrides(source, environment, settings) : noOverrides;
      secrets = settings.filter(({ annotations }) => annotations.secret);
    },
    effective(document, opened) {
      const { values, secrets: own } = overrides;
      const sources = { settings: secrets, overrides: own, document, opened, target };
      return effectiveConfig(document, schema?.defaults ?? {}, values, secretSlots(sources));
    },
    pending(atStart, current) {
      const changes = changesBetween(atStart, current);
      if (changes.length === 0) return none;
      rules ??= applyRules(judging);
      const settings = changes.map(({ path }) =>
        isUnavailable(current, path) ? null : (rules?.(path) ?? null),
      );
      return Object.freeze([...new Set(settings.filter((setting) => setting !== null))]);
    },
  };
}

/** A restart would not bring it back. */
const isUnavailable = (config: JsonObject, pointer: string): boolean =>
  (slotsOf(config).get(pointer)?.problem ?? null) !== null;
