/** Text from a `.env` file -> values, with a schema to say what is meant or without one. */
import {
  FORBIDDEN_KEYS,
  HeadwaterError,
  type JsonObject,
  type JsonValue,
  parseJson,
  type Setting,
} from '@headwater/schemas/protocol';
import type { DotenvEntry } from './dotenv.ts';

/** Settings named after variables: `VAD_THRESHOLD` becomes `vad_threshold`. */
export interface EnvSettings {
  readonly values: JsonObject;
  /** Setting -> variable. */
  readonly envNames: ReadonlyMap<string, string>;
  /** Settings written with a decimal point. */
  readonly fractional: ReadonlySet<string>;
}

/** @throws HeadwaterError `HW_USAGE` when two variables would name one setting, or one cannot name a setting. */
export function settingsFromEnv(entries: readonly DotenvEntry[]): EnvSettings {
  const values: Record<string, JsonValue> = {};
  const envNames = new Map<string, string>();
  const fractional = new Set<string>();
  for (const entry of entries) {
    const name = entry.name.toLowerCase();
    const taken = envNames.get(name);
    if (taken !== undefined || FORBIDDEN_KEYS.has(name)) {
      throw new HeadwaterError('HW_USAGE', {
        message: taken
          ? `${taken} and ${entry.name} would both be the setting "${name}"`
          : `${entry.name} cannot name a setting`,
        hint: 'Rename the variable, or remove it from the file.',
      });
    }
    const value = guess(entry);
    envNames.set(name, entry.name);
    if (typeof value === 'number' && entry.value.includes('.')) fractional.add(name);
    values[name] = value;
  }
  return { values, envNames, fractional };
}

/** Without a schema: plain numbers and true/false; leading zeros, quotes and everything else mean text. */
function guess({ value, quoted }: DotenvEntry): JsonValue {
  if (quoted) return value;
  if (value === 'true' || value === 'false') return value === 'true';
  return asNumber(value) ?? value;
}

/** The value that `text` is for a setting, or `undefined` when it is none of the types that its schema allows. */
export function coerceText(text: string, setting: Setting): JsonValue | undefined {
  const types = typesOf(setting);
  const trimmed = text.trim();
  if (types.has('number') || types.has('integer')) {
    const number = asNumber(trimmed);
    if (number !== undefined && (types.has('number') || Number.isInteger(number))) return number;
  }
  if (types.has('boolean')) {
    const truth = truths.get(trimmed.toLowerCase());
    if (truth !== undefined) return truth;
  }
  if (types.has('null') && (trimmed === '' || trimmed === 'null')) return null;
  if (types.has('string')) return text;
  if (!types.has('array') && !types.has('object')) return undefined;
  try {
    const value = parseJson(trimmed);
    return types.has(Array.isArray(value) ? 'array' : typeof value) ? value : undefined;
  } catch {
    // Not JSON, so no list and no object: the caller says so.
    return undefined;
  }
}

/** Types that a setting's schema names, or those of its enum and const; none named means text. */
function typesOf({ schemas }: Setting): ReadonlySet<string> {
  const named = schemas.find((schema) => schema.type !== undefined)?.type;
  if (named !== undefined) return new Set(Array.isArray(named) ? named : [named as string]);
  const values = schemas.flatMap((schema) =>
    Array.isArray(schema.enum) ? schema.enum : 'const' in schema ? [schema.const] : [],
  );
  const types = values.map((value) =>
    value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value,
  );
  return new Set(types.length === 0 ? ['string'] : types);
}

function asNumber(text: string): number | undefined {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) && (Number.isSafeInteger(number) || !Number.isInteger(number))
    ? number
    : undefined;
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...(['true', '1', 'yes', 'on'] as const).map((word) => [word, true] as const),
  ...(['false', '0', 'no', 'off'] as const).map((word) => [word, false] as const),
]);
