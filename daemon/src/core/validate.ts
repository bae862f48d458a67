/** Judging a resolved config: by its JSON Schema (behind a port, since schemas are hostile input), and by what the schema does not say. */
import {
  type ErrorCode,
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  type Setting,
  valueAt,
} from '@headwater/schemas/protocol';
import { joinedSchemas } from './schema-expansion.ts';
import { planOf } from './schema-plan.ts';
import { subschemas } from './schema-walk.ts';
import { didYouMean } from './suggest.ts';

/** One thing wrong, in words. */
export interface Problem {
  readonly code: ErrorCode;
  /** What `pointer` points into. */
  readonly about: 'config' | 'schema';
  readonly pointer: string;
  /** "expected a number from 0 to 1, got 7" */
  readonly message: string;
  readonly hint: string;
  /** True when the setting's own keyword says so, not a condition between settings. */
  readonly own?: boolean;
}

/** Judges configs by schemas that nobody has to trust: with limits on time and memory, away from this thread. */
export interface SchemaValidator {
  /**
   * Problems of a config, 20 at most; empty when it is valid. Problems of the schema itself come back as problems about it. Never
   * rejects for any schema or config.
   * @param schema `digest` names `document`: equal digests, equal documents.
   * @param options.secret The config holds secrets: problems name a pointer and a keyword, and nothing of it is kept.
   */
  check(
    schema: { readonly digest: string; readonly document: JsonObject },
    config: JsonObject,
    options?: { readonly secret?: boolean },
  ): Promise<readonly Problem[]>;
  close(): Promise<void>;
}

/** Settings that the schema does not describe, also where it forgot `additionalProperties: false`. */
export function unknownSettings(document: JsonObject, config: JsonObject): Problem[] {
  const problems: Problem[] = [];
  visit(document, joinedSchemas(document, document), planOf(document).settings, config, [], problems);
  return problems;
}

/** Rules between two numbers: the root's `x-hw.rules: [{ "le": [low, high], "message" }]`. */
export function brokenRules(document: JsonObject, config: JsonObject): Problem[] {
  const annotation = document['x-hw'];
  const rules = isObject(annotation) && Array.isArray(annotation.rules) ? annotation.rules : [];
  return rules.flatMap((rule: JsonValue): Problem[] => {
    const [low, high] = isObject(rule) && Array.isArray(rule.le) ? (rule.le as string[]) : [];
    if (low === undefined || high === undefined || !isObject(rule)) return [];
    const [a, b] = [valueAt(config, low), valueAt(config, high)];
    if (typeof a !== 'number' || typeof b !== 'number' || a <= b) return [];
    const message =
      typeof rule.message === 'string' ? rule.message : `${low} must not be larger than ${high}`;
    const hint = `${low} is ${a}, ${high} is ${b}: lower the first or raise the second.`;
    return [{ code: 'HW_CONFIG_INVALID', about: 'config', pointer: low, message, hint }];
  });
}

function visit(
  root: JsonObject,
  schemas: readonly JsonObject[],
  settings: readonly Setting[],
  value: JsonValue,
  path: readonly string[],
  problems: Problem[],
): void {
  if (!isObject(value) || settings.length === 0) return;
  const known = byName(settings);
  let described: ReadonlySet<string> | 'any' | undefined;
  for (const [name, child] of Object.entries(value)) {
    const setting = known.get(name);
    if (setting) {
      visit(root, setting.schemas, setting.children, child, [...path, name], problems);
      continue;
    }
    described ??= namesElsewhere(root, schemas);
    if (described !== 'any' && !described.has(name))
      problems.push(unknownSetting([...path, name], known.keys()));
  }
}

const namedSettings = new WeakMap<readonly Setting[], ReadonlyMap<string, Setting>>();

/** A plan's settings never change, and every config of the service is held against them. */
function byName(settings: readonly Setting[]): ReadonlyMap<string, Setting> {
  let known = namedSettings.get(settings);
  if (!known) {
    known = new Map(settings.map((setting) => [setting.name, setting]));
    namedSettings.set(settings, known);
  }
  return known;
}

export function unknownSetting(path: readonly (string | number)[], known: Iterable<string>): Problem {
  const name = String(path[path.length - 1]);
  return {
    code: 'HW_CONFIG_UNKNOWN_SETTING',
    about: 'config',
    pointer: formatPointer(path),
    message: `the schema does not describe a setting ${JSON.stringify(name.slice(0, 80))}`,
    hint: didYouMean(name, known, 'Remove it, or describe it in the schema.'),
    own: true,
  };
}

/** Names that conditions and alternatives describe; "any" when the schema says what other members look like. */
function namesElsewhere(root: JsonObject, schemas: readonly JsonObject[]): ReadonlySet<string> | 'any' {
  const names = new Set<string>();
  const seen = new Set<JsonObject>();
  const waiting = [...schemas];
  for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
    if (seen.has(schema)) continue;
    seen.add(schema);
    if (saysWhatOthersAre(schema)) return 'any';
    for (const name of Object.keys(isObject(schema.properties) ? schema.properties : {})) names.add(name);
    for (const inner of subschemas(schema)) {
      if (inner.place === 'here' && isObject(inner.schema))
        waiting.push(...joinedSchemas(root, inner.schema));
    }
  }
  return names;
}

/** Then the validator judges other members by exactly that. */
function saysWhatOthersAre(schema: JsonObject): boolean {
  return ['additionalProperties', 'unevaluatedProperties', 'patternProperties'].some(
    (keyword) => Object.hasOwn(schema, keyword) && schema[keyword] !== false,
  );
}
