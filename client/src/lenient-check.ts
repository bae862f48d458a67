/**
 * The client's judgement of a config by the schema it was built with. It is lenient on purpose: settings it does not know are
 * kept and missing ones are filled, so that adding a setting never freezes a fleet. Only a wrong type or bound of a setting it
 * knows is a refusal. Spec: docs/protocol.md §6.4.
 */
import {
  equalValues,
  isObject,
  type JsonObject,
  type JsonValue,
  type Setting,
} from '@headwater/schemas/protocol';

const maxDepth = 64;

/** What is wrong with `config`, "/pointer: expected …", or `null`. Values are never shown: one may be a secret in the wrong place. */
export function checkLeniently(config: JsonValue, schema: JsonObject): string | null {
  return checkAt(config, schema, { root: schema, pointer: '', depth: 0, skipsSecrets: true });
}

/** As `checkLeniently`, for one value against the schemas of one setting. A secret is checked too: this is where it was opened. */
export function checkValue(value: JsonValue, setting: Setting, root: JsonObject): string | null {
  const { schemas, pointer } = setting;
  for (const schema of schemas) {
    const problem = checkAt(value, schema, { root, pointer, depth: 0, skipsSecrets: false });
    if (problem) return problem;
  }
  return null;
}

interface Place {
  readonly root: JsonObject;
  readonly pointer: string;
  readonly depth: number;
  readonly skipsSecrets: boolean;
}

function checkAt(value: JsonValue, schema: JsonObject, place: Place): string | null {
  if (place.depth > maxDepth) return null;
  // [protocol §9] a secret's value never lies in the config
  if (place.skipsSecrets && isObject(schema['x-hw']) && schema['x-hw'].secret === true) return null;
  const expected =
    checkType(value, schema) ??
    checkChoice(value, schema) ??
    checkNumber(value, schema) ??
    checkText(value, schema);
  if (expected) return `${place.pointer || 'the config'}: expected ${expected}`;
  return checkParts(value, schema, place) ?? checkJoined(value, schema, place);
}

function checkType(value: JsonValue, { type }: JsonObject): string | null {
  const allowed = typeof type === 'string' ? [type] : Array.isArray(type) ? type : null;
  if (allowed === null || allowed.some((name) => isOfType(value, name))) return null;
  return allowed.join(' or ');
}

function isOfType(value: JsonValue, type: JsonValue): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'null':
      return value === null;
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      return true; // not a type of JSON Schema: nothing to say about it
  }
}

function checkChoice(value: JsonValue, schema: JsonObject): string | null {
  if (Array.isArray(schema.enum) && !schema.enum.some((one: JsonValue) => equalValues(one, value)))
    return `one of ${JSON.stringify(schema.enum).slice(0, 200)}`;
  if (schema.const !== undefined && !equalValues(schema.const, value))
    return `${JSON.stringify(schema.const).slice(0, 200)}`;
  return null;
}

function checkNumber(value: JsonValue, schema: JsonObject): string | null {
  if (typeof value !== 'number') return null;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (typeof minimum === 'number' && value < minimum) return `${minimum} or more`;
  if (typeof maximum === 'number' && value > maximum) return `${maximum} or less`;
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
    return `more than ${exclusiveMinimum}`;
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
    return `less than ${exclusiveMaximum}`;
  return null;
}

function checkText(value: JsonValue, schema: JsonObject): string | null {
  if (typeof value !== 'string') return null;
  const { minLength, maxLength, pattern } = schema;
  if (typeof minLength === 'number' || typeof maxLength === 'number') {
    const length = [...value].length; // JSON Schema counts characters, not UTF-16 units
    if (typeof minLength === 'number' && length < minLength) return `${minLength} characters or more`;
    if (typeof maxLength === 'number' && length > maxLength) return `${maxLength} characters or less`;
  }
  if (typeof pattern === 'string' && compiled(pattern)?.test(value) === false)
    return `text that fits ${pattern}`;
  return null;
}

const patterns = new Map<string, RegExp | null>();

/** The service's own schema is trusted code of the service, so the engine's RegExp is good enough for it. */
function compiled(pattern: string): RegExp | null {
  let regExp = patterns.get(pattern);
  if (regExp === undefined) {
    try {
      regExp = new RegExp(pattern, 'u');
    } catch {
      regExp = null; // the daemon's engine knows more patterns; it has already judged the config with them
    }
    patterns.set(pattern, regExp);
  }
  return regExp;
}

function checkParts(value: JsonValue, schema: JsonObject, place: Place): string | null {
  if (Array.isArray(value) && isObject(schema.items)) {
    for (const [index, item] of value.entries()) {
      const problem = checkAt(item, schema.items, below(place, String(index)));
      if (problem) return problem;
    }
  }
  if (!isObject(value) || !isObject(schema.properties)) return null;
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!isObject(property) || !Object.hasOwn(value, name)) continue;
    const problem = checkAt(value[name] as JsonValue, property, below(place, name));
    if (problem) return problem;
  }
  return null;
}

function checkJoined(value: JsonValue, schema: JsonObject, place: Place): string | null {
  const joined = Array.isArray(schema.allOf) ? schema.allOf.filter(isObject) : [];
  const referred = typeof schema.$ref === 'string' ? resolveLocal(schema.$ref, place.root) : null;
  for (const part of referred ? [referred, ...joined] : joined) {
    const problem = checkAt(value, part, { ...place, depth: place.depth + 1 });
    if (problem) return problem;
  }
  return null;
}

function resolveLocal(ref: string, root: JsonObject): JsonObject | null {
  if (!ref.startsWith('#/')) return null;
  let value: JsonValue | undefined = root;
  for (const part of ref.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return isObject(value) ? value : null;
}

function below(place: Place, name: string): Place {
  const escaped = name.replaceAll('~', '~0').replaceAll('/', '~1');
  return { ...place, pointer: `${place.pointer}/${escaped}`, depth: place.depth + 1 };
}
