/**
 * A first look at a config by its schema, here and now: bounded, without making code of the schema, and allowed to say "I do not
 * know". Most commits change a number in a service whose schema is long known; they need not wait for the validator's thread.
 *
 * It never has the last word against a config, only for it: whatever it doubts goes to the validator. Patterns and formats are not
 * run here: a text that the validator once let through at such a place fits it for ever.
 */
import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

export type Verdict = 'valid' | 'invalid' | 'doubt';

/** A text and the pattern or format it must fit. */
export interface TextRule {
  readonly keyword: 'pattern' | 'format';
  readonly rule: string;
  readonly text: string;
}

export interface QuickCheck {
  readonly verdict: Verdict;
  /** Rules not known to hold, which every valid config of this schema must satisfy with these texts. */
  readonly unknown: readonly TextRule[];
}

/** Steps of one check: enough for some thousand settings, and done in a millisecond. */
const maxSteps = 20_000;
/** Integers up to here divide exactly, whichever way a validator divides. */
const maxDividend = 2 ** 31;

/** @param isKnown Rules that the validator has let through before. */
export function quickCheck(
  schema: JsonObject,
  config: JsonObject,
  isKnown: (rule: TextRule) => boolean,
): QuickCheck {
  const run: Run = { steps: 0, isKnown, unknown: [] };
  const verdict = judge(schema, config, run, true);
  return { verdict: verdict === 'valid' && run.unknown.length > 0 ? 'doubt' : verdict, unknown: run.unknown };
}

interface Run {
  steps: number;
  readonly isKnown: (rule: TextRule) => boolean;
  readonly unknown: TextRule[];
}

/** @param isDemanded False inside conditions and alternatives, which a valid config need not satisfy. */
function judge(schema: JsonValue | undefined, value: JsonValue, run: Run, isDemanded: boolean): Verdict {
  if (schema === true) return 'valid';
  if (schema === false) return 'invalid';
  if (!isObject(schema) || ++run.steps > maxSteps) return 'doubt';
  let verdict: Verdict = 'valid';
  for (const keyword in schema) {
    const next = judgeKeyword(keyword, schema, value, run, isDemanded);
    if (next === 'invalid') return next;
    if (next === 'doubt') verdict = next;
  }
  return verdict;
}

function judgeKeyword(
  keyword: string,
  schema: JsonObject,
  value: JsonValue,
  run: Run,
  isDemanded: boolean,
): Verdict {
  const operand = schema[keyword] as JsonValue;
  switch (keyword) {
    case '$schema':
    case '$id':
    case '$defs':
    case '$comment':
    case 'then': // with "if"
    case 'else':
    case 'additionalProperties': // with "properties"
      return keyword === 'additionalProperties' && schema.properties === undefined
        ? judgeMembers(schema, value, run, isDemanded)
        : 'valid';
    case 'type':
      return typeof operand === 'string' ? verdictOf(isOfType(value, operand)) : judgeTypes(operand, value);
    case 'enum':
      return judgeEnum(operand, value, run);
    case 'const':
      return isObject(operand) || Array.isArray(operand) ? 'doubt' : verdictOf(value === operand);
    case 'properties':
      return judgeMembers(schema, value, run, isDemanded);
    case 'required':
      return judgeRequired(operand, value, run);
    case 'items':
      return judgeItems(operand, value, run, isDemanded);
    case 'allOf':
      return judgeAll(operand, value, run, isDemanded);
    case 'anyOf':
      return judgeAny(operand, value, run);
    case 'not':
      return opposite(judge(operand, value, run, false));
    case 'if':
      return judgeCondition(schema, value, run, isDemanded);
    case 'pattern':
    case 'format':
      return judgeText(keyword, operand, value, run, isDemanded);
    default:
      return judgeBound(keyword, operand, value);
  }
}

function judgeTypes(types: JsonValue, value: JsonValue): Verdict {
  if (!Array.isArray(types)) return 'doubt';
  return verdictOf(types.some((type) => typeof type === 'string' && isOfType(value, type)));
}

function isOfType(value: JsonValue, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    default:
      return type === 'object' && isObject(value);
  }
}

function judgeEnum(members: JsonValue, value: JsonValue, run: Run): Verdict {
  if (!Array.isArray(members)) return 'doubt';
  run.steps += members.length;
  if (members.includes(value)) return 'valid';
  return isObject(value) || Array.isArray(value) ? 'doubt' : 'invalid';
}

function judgeMembers(schema: JsonObject, value: JsonValue, run: Run, isDemanded: boolean): Verdict {
  if (!isObject(value)) return 'valid';
  const properties = schema.properties ?? {};
  if (!isObject(properties)) return 'doubt';
  // Which members are left for it depends on patterns.
  if (schema.patternProperties !== undefined) return 'doubt';
  let verdict: Verdict = 'valid';
  for (const name of Object.keys(value)) {
    const member = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
    if (member === undefined) continue;
    const next = judge(member, value[name] as JsonValue, run, isDemanded);
    if (next === 'invalid') return next;
    if (next === 'doubt') verdict = next;
  }
  return verdict;
}

function judgeRequired(names: JsonValue, value: JsonValue, run: Run): Verdict {
  if (!Array.isArray(names)) return 'doubt';
  if (!isObject(value)) return 'valid';
  run.steps += names.length;
  return verdictOf(names.every((name) => typeof name === 'string' && Object.hasOwn(value, name)));
}

function judgeItems(schema: JsonValue, value: JsonValue, run: Run, isDemanded: boolean): Verdict {
  if (!Array.isArray(value)) return 'valid';
  return together(value, (item) => judge(schema, item, run, isDemanded));
}

function judgeAll(schemas: JsonValue, value: JsonValue, run: Run, isDemanded: boolean): Verdict {
  if (!Array.isArray(schemas)) return 'doubt';
  return together(schemas, (schema) => judge(schema, value, run, isDemanded));
}

function together<T>(parts: readonly T[], judgeOne: (part: T) => Verdict): Verdict {
  let verdict: Verdict = 'valid';
  for (const part of parts) {
    const next = judgeOne(part);
    if (next === 'invalid') return next;
    if (next === 'doubt') verdict = next;
  }
  return verdict;
}

function judgeAny(schemas: JsonValue, value: JsonValue, run: Run): Verdict {
  if (!Array.isArray(schemas)) return 'doubt';
  let verdict: Verdict = 'invalid';
  for (const schema of schemas) {
    const next = judge(schema, value, run, false);
    if (next === 'valid') return next;
    if (next === 'doubt') verdict = next;
  }
  return verdict;
}

function judgeCondition(schema: JsonObject, value: JsonValue, run: Run, isDemanded: boolean): Verdict {
  const condition = judge(schema.if, value, run, false);
  if (condition === 'doubt') return condition;
  const branch = condition === 'valid' ? schema.then : schema.else;
  return branch === undefined ? 'valid' : judge(branch, value, run, isDemanded);
}

function judgeText(
  keyword: TextRule['keyword'],
  rule: JsonValue,
  text: JsonValue,
  run: Run,
  isDemanded: boolean,
): Verdict {
  if (typeof rule !== 'string') return 'doubt';
  // A format may speak of numbers too; a pattern does not.
  if (typeof text !== 'string') return keyword === 'format' && typeof text === 'number' ? 'doubt' : 'valid';
  const found: TextRule = { keyword, rule, text };
  if (run.isKnown(found)) return 'valid';
  if (!isDemanded) return 'doubt';
  run.unknown.push(found);
  return 'valid';
}

function judgeBound(keyword: string, bound: JsonValue, value: JsonValue): Verdict {
  if (typeof bound !== 'number') return 'doubt';
  switch (keyword) {
    case 'minimum':
      return verdictOf(typeof value !== 'number' || value >= bound);
    case 'maximum':
      return verdictOf(typeof value !== 'number' || value <= bound);
    case 'exclusiveMinimum':
      return verdictOf(typeof value !== 'number' || value > bound);
    case 'exclusiveMaximum':
      return verdictOf(typeof value !== 'number' || value < bound);
    case 'multipleOf':
      return judgeMultiple(bound, value);
    case 'minLength':
      return verdictOf(typeof value !== 'string' || characters(value) >= bound);
    case 'maxLength':
      return verdictOf(typeof value !== 'string' || characters(value) <= bound);
    case 'minItems':
      return verdictOf(!Array.isArray(value) || value.length >= bound);
    case 'maxItems':
      return verdictOf(!Array.isArray(value) || value.length <= bound);
    case 'minProperties':
      return verdictOf(!isObject(value) || Object.keys(value).length >= bound);
    case 'maxProperties':
      return verdictOf(!isObject(value) || Object.keys(value).length <= bound);
    default:
      return 'doubt';
  }
}

function judgeMultiple(factor: number, value: JsonValue): Verdict {
  if (typeof value !== 'number') return 'valid';
  const isExact = Number.isInteger(factor) && factor > 0 && Number.isInteger(value);
  return isExact && Math.abs(value) <= maxDividend ? verdictOf(value % factor === 0) : 'doubt';
}

/** As JSON Schema counts: code points. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const verdictOf = (holds: boolean): Verdict => (holds ? 'valid' : 'invalid');

const opposite = (verdict: Verdict): Verdict =>
  verdict === 'doubt' ? verdict : verdictOf(verdict === 'invalid');
