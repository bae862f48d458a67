/**
 * A first schema from values that a service already has. It states only what the values show: types, and units that a name
 * gives away. Bounds, enums and defaults are for people to add; nothing is required, so no environment is held by a guess.
 */
import {
  formatPointer,
  HeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
} from '@headwater/schemas/protocol';
import { findSecrets } from './secret-names.ts';
import { titleOf, wordsOf } from './words.ts';

export interface InferOptions {
  readonly service: string;
  /** Team that owns the service. */
  readonly owner?: string;
  /** Top-level setting -> environment variable it came from; others get none. */
  readonly envNames?: ReadonlyMap<string, string>;
  /** Top-level settings that were written with a decimal point: "1.0" is a number that happens to be whole. */
  readonly fractional?: ReadonlySet<string>;
  /** Names of secrets to describe beside `values`; their values are not among them. */
  readonly secrets?: readonly string[];
}

/**
 * Infers a JSON Schema (2020-12, with `x-hw`) that `values` satisfy.
 * @throws HeadwaterError `HW_SECRET_IN_CONFIG` (details: pointers) when some value looks like a secret.
 */
export function inferSchema(values: JsonObject, options: InferOptions): JsonObject {
  refuseSecrets(values);
  const properties = Object.entries(values)
    .filter(([name]) => name !== '$schema' && name !== '$comment')
    .map(([name, value]) => {
      const type = options.fractional?.has(name) ? { type: 'number' } : shapeOf([value]);
      const env = options.envNames?.get(name);
      return [name, { ...describe(name), ...type, 'x-hw': annotationsOf(name, env) }];
    });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: titleOf(options.service),
    ...(options.owner === undefined ? {} : { 'x-hw': { owner: options.owner } }),
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...properties, ...secretProperties(options)]),
  };
}

function secretProperties({ secrets = [], envNames }: InferOptions): [string, JsonObject][] {
  return secrets.map((name) => {
    const annotations = { ...annotationsOf(name, envNames?.get(name)), secret: true };
    return [name, { title: titleOf(name), type: 'string', 'x-hw': annotations }];
  });
}

/** @throws HeadwaterError `HW_SECRET_IN_CONFIG`: names the settings, never their values. */
export function refuseSecrets(values: JsonObject): void {
  const pointers = findSecrets(values).map(formatPointer);
  if (pointers.length === 0) return;
  throw new HeadwaterError('HW_SECRET_IN_CONFIG', {
    message: `${pointers.join(', ')} ${pointers.length === 1 ? 'looks like a secret' : 'look like secrets'}, and plain config is readable by everyone who can read the repository`,
    hint: 'Take it out of the file and describe it in the schema with "x-hw": { "secret": true }; its value belongs in an encrypted secrets file.',
    details: { pointers },
  });
}

/** What one or more sample values have in common. */
function shapeOf(values: readonly JsonValue[]): JsonObject {
  const types = [...new Set(values.map(typeOf))];
  // JSON Schema counts every integer as a number.
  const plain = types.includes('number') ? types.filter((type) => type !== 'integer') : types;
  if (plain.length === 0) return {};
  // A null says only that the setting may be empty, not what it is otherwise.
  const type = plain.length === 1 && plain[0] === 'null' ? ['null', 'boolean', 'number', 'string'] : plain;
  return {
    type: type.length === 1 ? (type[0] as string) : type,
    ...(plain.includes('object') ? objectShape(values.filter(isObject)) : {}),
    ...(plain.includes('array') ? arrayShape(values.filter((value) => Array.isArray(value)).flat()) : {}),
  };
}

function objectShape(values: readonly JsonObject[]): JsonObject {
  const samples = new Map<string, JsonValue[]>();
  for (const [name, value] of values.flatMap((one) => Object.entries(one))) {
    if (name !== '$comment') samples.set(name, [...(samples.get(name) ?? []), value]);
  }
  const properties = [...samples].map(([name, found]) => [
    name,
    { ...describe(name), ...shapeOf(found), ...unitOnly(name) },
  ]);
  return { additionalProperties: false, properties: Object.fromEntries(properties) };
}

function arrayShape(items: readonly JsonValue[]): JsonObject {
  return items.length === 0 ? {} : { items: shapeOf(items) };
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function describe(name: string): { title: string } {
  const words = wordsOf(name);
  const hasUnit = words.length > 1 && unitOf(name) !== undefined;
  return { title: titleOf(hasUnit ? words.slice(0, -1).join('_') : name) };
}

function annotationsOf(name: string, env: string | undefined): JsonObject {
  return { level: 'simple', ...(env === undefined ? {} : { env }), ...unitAnnotation(name) };
}

function unitOnly(name: string): JsonObject {
  const unit = unitAnnotation(name);
  return Object.keys(unit).length === 0 ? {} : { 'x-hw': unit };
}

function unitAnnotation(name: string): JsonObject {
  const unit = unitOf(name);
  return unit === undefined ? {} : { unit };
}

function unitOf(name: string): string | undefined {
  const words = wordsOf(name);
  return words.length > 1 ? units[(words.at(-1) as string).toLowerCase()] : undefined;
}

const units: Readonly<Record<string, string>> = {
  ...{ ms: 'ms', millis: 'ms', sec: 's', secs: 's', seconds: 's', minutes: 'min', hours: 'h', days: 'd' },
  ...{
    percent: '%',
    pct: '%',
    hz: 'Hz',
    khz: 'kHz',
    fps: 'fps',
    px: 'px',
    db: 'dB',
    bytes: 'bytes',
    kb: 'kB',
    mb: 'MB',
  },
};
