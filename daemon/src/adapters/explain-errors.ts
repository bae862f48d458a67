/** What ajv found, in words that say what was expected and what stands there. Secrets are never in a judged config. */
import {
  formatPointer,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
} from '@headwater/schemas/protocol';
import type { ErrorObject } from 'ajv/dist/2020.js';
import { closest } from '../core/suggest.ts';
import { type Problem, unknownSetting } from '../core/validate.ts';

/** @param errors Of a validator made with `verbose`. */
export function explain(errors: readonly ErrorObject[], max: number): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors.filter((candidate) => !isDetail(candidate, errors))) {
    const problem = explainOne(error);
    const key = `${problem.pointer} ${problem.code} ${problem.message}`;
    if (!problems.has(key)) problems.set(key, problem);
    if (problems.size >= max) break;
  }
  return [...problems.values()];
}

/**
 * What is wrong with secrets, by pointer: the keyword and nothing else, neither the value nor what the schema would allow.
 * @param errors About an object of values by pointer.
 */
export function explainSecrets(errors: readonly ErrorObject[], max: number): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors.filter((candidate) => !isDetail(candidate, errors))) {
    const pointer = parsePointer(error.instancePath)[0] ?? '';
    const message = `the secret at ${pointer} does not satisfy "${error.keyword}"`;
    const hint = 'Look at that keyword of the setting in the schema, and set the secret again.';
    problems.set(`${pointer} ${error.keyword}`, {
      ...({ code: 'HW_SECRET_INVALID', about: 'config', pointer, message, hint } as const),
    });
    if (problems.size >= max) break;
  }
  return [...problems.values()];
}

/** Errors of the branches of anyOf and oneOf say less than "none fits"; "must match then" says less than what `then` found. */
function isDetail(error: ErrorObject, all: readonly ErrorObject[]): boolean {
  if (error.keyword === 'if') return all.length > 1;
  return /\/(anyOf|oneOf)\/\d+\//.test(error.schemaPath);
}

function explainOne(error: ErrorObject): Problem {
  const path = parsePointer(error.instancePath);
  const { missingProperty, additionalProperty, unevaluatedProperty, propertyName } = error.params as Record<
    string,
    string
  >;
  const stray = additionalProperty ?? unevaluatedProperty;
  if (stray !== undefined) return unknownSetting([...path, stray], knownNames(error.parentSchema));
  const pointer = formatPointer(
    missingProperty !== undefined
      ? [...path, missingProperty]
      : propertyName !== undefined
        ? [...path, propertyName]
        : path,
  );
  const [message, hint] = describe(error);
  const own =
    !/\/(anyOf|oneOf|allOf|if|then|else|not|dependent\w+)\b/.test(error.schemaPath) &&
    error.keyword !== 'required';
  return { code: 'HW_CONFIG_INVALID', about: 'config', pointer, message, hint, own };
}

function describe(error: ErrorObject): [message: string, hint: string] {
  const schema = (isObject(error.parentSchema) ? error.parentSchema : {}) as JsonObject;
  const got = `, got ${show(error.data as JsonValue)}`;
  switch (error.keyword) {
    case 'required':
      return [
        `${show(error.params.missingProperty)} is missing`,
        'Set it; the schema requires it and has no default for it.',
      ];
    case 'dependentRequired':
    case 'dependencies':
      return [
        `${show(error.params.missingProperty)} is missing`,
        `It must be set when ${show(error.params.property)} is set.`,
      ];
    case 'enum':
      return [`expected one of ${list(error.schema)}${got}`, nearest(error.data, error.schema)];
    case 'const':
      return [`expected ${show(error.schema as JsonValue)}${got}`, 'Set exactly this value.'];
    case 'type':
      return [`expected ${typeWords(error.schema)}${boundWords(schema)}${got}`, typeHint(error)];
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return [
        `expected ${typeWords(schema.type ?? 'number')}${boundWords(schema)}${got}`,
        'Set a value within these bounds.',
      ];
    case 'multipleOf':
      return [`expected a multiple of ${show(error.schema as JsonValue)}${got}`, 'Round it.'];
    case 'minLength':
    case 'maxLength':
      return [
        `expected ${range(schema.minLength, schema.maxLength)} characters, got ${sizeOf(error.data)}`,
        'Shorten or lengthen it.',
      ];
    case 'minItems':
    case 'maxItems':
      return [
        `expected ${range(schema.minItems, schema.maxItems)} items, got ${sizeOf(error.data)}`,
        'Add or remove items.',
      ];
    case 'minProperties':
    case 'maxProperties':
      return [
        `expected ${range(schema.minProperties, schema.maxProperties)} members, got ${sizeOf(error.data)}`,
        'Add or remove members.',
      ];
    case 'pattern':
      return [
        `expected text that matches ${show(error.schema as JsonValue)}${got}`,
        'See the description of the setting.',
      ];
    case 'format':
      return [`expected text of the format ${show(error.schema as JsonValue)}${got}`, 'Correct the text.'];
    case 'uniqueItems':
      return [`items ${error.params.j} and ${error.params.i} are equal`, 'Remove one of the two.'];
    case 'anyOf':
    case 'oneOf':
      return [
        `fits ${error.params.passingSchemas ? 'more than one' : 'none'} of the allowed forms${got}`,
        'Compare it with the forms in the schema.',
      ];
    case 'false schema':
      return ['nothing may be set here', 'Remove it.'];
    default:
      return [`${error.message ?? 'not valid'}${got}`, `The schema says "${error.keyword}".`];
  }
}

/** A value as people wrote it, when it is short. */
function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (isObject(value)) return 'an object';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}

const typeNames = new Map([
  ['number', 'a number'],
  ['integer', 'a whole number'],
  ['string', 'text'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['null', 'null'],
]);

function typeWords(type: unknown): string {
  const types = Array.isArray(type) ? type : [type];
  return types.map((name) => typeNames.get(String(name)) ?? String(name)).join(' or ');
}

/** " from 0 to 1", " above 0", " of at most 10"; nothing when the schema has no bounds. */
function boundWords(schema: JsonObject): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (typeof minimum === 'number' && typeof maximum === 'number') return ` from ${minimum} to ${maximum}`;
  const low =
    typeof minimum === 'number'
      ? ` of at least ${minimum}`
      : typeof exclusiveMinimum === 'number'
        ? ` above ${exclusiveMinimum}`
        : '';
  const high =
    typeof maximum === 'number'
      ? ` of at most ${maximum}`
      : typeof exclusiveMaximum === 'number'
        ? ` below ${exclusiveMaximum}`
        : '';
  return low && high ? `${low} and${high}` : low || high;
}

function range(min: unknown, max: unknown): string {
  if (typeof min === 'number' && typeof max === 'number') return min === max ? `${min}` : `${min} to ${max}`;
  return typeof min === 'number' ? `at least ${min}` : `at most ${String(max)}`;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return [...value].length;
  return Array.isArray(value) ? value.length : Object.keys(value as object).length;
}

function list(values: unknown): string {
  const items = Array.isArray(values) ? (values as JsonValue[]) : [];
  const shown = items.slice(0, 10).map(show).join(', ');
  return items.length > 10 ? `${shown}, … (${items.length} in all)` : shown;
}

function nearest(value: unknown, allowed: unknown): string {
  const texts = Array.isArray(allowed) ? allowed.filter((item) => typeof item === 'string') : [];
  const near = typeof value === 'string' ? closest(value, texts) : null;
  return near === null ? 'Choose one of these.' : `Did you mean ${JSON.stringify(near)}?`;
}

function typeHint(error: ErrorObject): string {
  const types = Array.isArray(error.schema) ? error.schema : [error.schema];
  const wantsNumber = types.includes('number') || types.includes('integer');
  if (typeof error.data === 'string' && wantsNumber) return 'Write the number without quotes.';
  if (typeof error.data === 'string' && types.includes('boolean'))
    return 'Write true or false without quotes.';
  return 'Correct the type of the value.';
}

function knownNames(schema: unknown): string[] {
  return isObject(schema) && isObject(schema.properties) ? Object.keys(schema.properties) : [];
}
