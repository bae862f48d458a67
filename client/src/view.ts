/** How a signed document becomes what the program reads, by the schemas in use and the process environment. */
import type { JsonObject } from '@headwater/schemas/protocol';
import { applyRules } from './apply-rules.ts';
import { changesBetween } from './changes.ts';
import { effectiveConfig } from './effective.ts';
import { type EnvOverrides, noOverrides, readEnvOverrides } from './env-overrides.ts';
import type { ResolvedOptions } from './options.ts';

export interface View {
  readonly overrides: EnvOverrides;
  /** @param delivered The schema that judged what is held, as the daemon sent it; `null` when it did not come. */
  useSchema(delivered: JsonObject | null): void;
  /** The frozen document with own defaults and overrides. */
  effective(document: JsonObject): JsonObject;
  /** Settings that differ and wait for a restart, as JSON Pointers. */
  pending(atStart: JsonObject, current: JsonObject): readonly string[];
}

const none: readonly string[] = Object.freeze([]);

export function createView({ schema, environment }: Pick<ResolvedOptions, 'schema' | 'environment'>): View {
  let overrides = noOverrides;
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
      // What overrides is told by the own schema: it is the one the program was written against.
      const source = schema?.document ?? delivered;
      overrides = source ? readEnvOverrides(source, environment) : noOverrides;
    },
    effective: (document) => effectiveConfig(document, schema?.defaults ?? {}, overrides.values),
    pending(atStart, current) {
      const changes = changesBetween(atStart, current);
      if (changes.length === 0) return none;
      rules ??= applyRules(judging);
      const settings = changes.map(({ path }) => rules?.(path) ?? null);
      return Object.freeze([...new Set(settings.filter((setting) => setting !== null))]);
    },
  };
}
