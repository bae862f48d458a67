/** Environment variables that override single settings: the ones a schema names with `x-hw.env`. */
import {
  eachSetting,
  isObject,
  type JsonObject,
  type JsonValue,
  readSettings,
  type Setting,
} from '@headwater/schemas/protocol';
import { checkValue } from './lenient-check.ts';

/** Names of variables that `headwater run` set from this very config: they are no overrides. */
export const injectedVariable = 'HEADWATER_INJECTED';

export interface EnvOverrides {
  /** Valid overrides: value by JSON Pointer. Secret settings are not among them. */
  readonly values: ReadonlyMap<string, JsonValue>;
  /** Values of secret settings by JSON Pointer. Never logged, never shown. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Pointers whose variable does not fit the schema and is ignored. */
  readonly invalid: readonly string[];
}

export const noOverrides: EnvOverrides = { values: new Map(), secrets: new Map(), invalid: [] };

/** @param settings Those of `schema`, when they were read before. */
export function readEnvOverrides(
  schema: JsonObject,
  environment: Readonly<Record<string, string | undefined>>,
  settings: Iterable<Setting> = eachSetting(readSettings(schema)),
): EnvOverrides {
  const injected = new Set((environment[injectedVariable] ?? '').split(/[\s,]+/));
  const values = new Map<string, JsonValue>();
  const secrets = new Map<string, string>();
  const invalid: string[] = [];
  for (const setting of settings) {
    const name = setting.annotations.env;
    const text = name === undefined || injected.has(name) ? undefined : environment[name];
    if (text === undefined) continue;
    const isSecret = setting.annotations.secret;
    // An empty secret is none: nobody gets in with it, and it usually is a variable that somebody forgot to fill.
    if (isSecret && text === '') continue;
    const value = isSecret ? text : parseText(text, setting);
    if (value === undefined || checkValue(value, setting, schema) !== null) invalid.push(setting.pointer);
    else if (isSecret) secrets.set(setting.pointer, text);
    else values.set(setting.pointer, value);
  }
  return { values, secrets, invalid };
}

const trueWords = new Set(['true', '1', 'yes', 'on']);
const falseWords = new Set(['false', '0', 'no', 'off']);

/** The value that the text stands for by the setting's type, or `undefined`. Text is taken as it is where text is allowed. */
function parseText(text: string, setting: Setting): JsonValue | undefined {
  const types = typesOf(setting);
  if (text === '' && types.has('null')) return null;
  const word = text.trim().toLowerCase();
  if (types.has('boolean') && trueWords.has(word)) return true;
  if (types.has('boolean') && falseWords.has(word)) return false;
  if ((types.has('number') || types.has('integer')) && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) {
    const number = Number(word);
    if (Number.isFinite(number)) return number;
  }
  if (types.has('object') || types.has('array') || types.size === 0) {
    const value = parseStructure(text);
    if (value !== undefined) return value;
  }
  if (types.has('null') && word === 'null') return null;
  return types.has('string') || types.size === 0 ? text : undefined;
}

function parseStructure(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return Array.isArray(value) || isObject(value) ? value : undefined;
  } catch {
    return undefined; // not JSON: the caller tries it as text or lists it as invalid
  }
}

/** Types a setting may have; those of its choices when it names none. */
function typesOf({ schemas }: Setting): ReadonlySet<string> {
  for (const { type } of schemas) {
    if (typeof type === 'string') return new Set([type]);
    if (Array.isArray(type)) return new Set(type.filter((name) => typeof name === 'string'));
  }
  const choices = schemas.flatMap((schema) => (Array.isArray(schema.enum) ? schema.enum : []));
  return new Set(choices.map((choice) => (choice === null ? 'null' : typeof choice)));
}
