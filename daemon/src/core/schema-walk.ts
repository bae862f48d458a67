/** Where schemas stand inside a JSON Schema 2020-12 document. Everything else in it is data. */
import { formatPointer, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/** Keywords whose value is one schema, by whether it judges the same value ("here") or a part of it ("part"). */
const oneSchema: ReadonlyMap<string, 'here' | 'part'> = new Map([
  ['not', 'here'],
  ['if', 'here'],
  ['then', 'here'],
  ['else', 'here'],
  ['additionalProperties', 'part'],
  ['unevaluatedProperties', 'part'],
  ['propertyNames', 'part'],
  ['items', 'part'],
  ['unevaluatedItems', 'part'],
  ['contains', 'part'],
]);
const listOfSchemas: ReadonlyMap<string, 'here' | 'part'> = new Map([
  ['allOf', 'here'],
  ['anyOf', 'here'],
  ['oneOf', 'here'],
  ['prefixItems', 'part'],
]);
const mapOfSchemas: ReadonlyMap<string, 'here' | 'part' | 'apart'> = new Map([
  ['properties', 'part'],
  ['patternProperties', 'part'],
  ['dependentSchemas', 'here'],
  ['$defs', 'apart'],
  ['definitions', 'apart'],
]);
/** Keywords that judge a value by themselves. */
const judging: ReadonlySet<string> = new Set(
  (
    'type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern format ' +
    'maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired $ref'
  ).split(' '),
);
/** Keywords that only describe. */
const describing: ReadonlySet<string> = new Set(
  (
    '$schema $id $comment title description default examples deprecated readOnly writeOnly ' +
    'contentEncoding contentMediaType contentSchema x-hw'
  ).split(' '),
);

export type Place = 'here' | 'part' | 'apart';

export interface Subschema {
  readonly keyword: string;
  /** "here": judges the same value as the schema around it; "part": a part of it; "apart": only where a `$ref` leads to it. */
  readonly place: Place;
  readonly path: readonly (string | number)[];
  readonly schema: JsonValue;
}

/** Schemas directly inside a schema. Values of the wrong shape are passed over: the meta-schema reports them. */
export function* subschemas(schema: JsonObject): Generator<Subschema> {
  for (const [keyword, value] of Object.entries(schema)) {
    const one = oneSchema.get(keyword);
    if (one) yield { keyword, place: one, path: [keyword], schema: value };
    const list = listOfSchemas.get(keyword);
    if (list && Array.isArray(value)) {
      for (const [index, item] of value.entries())
        yield { keyword, place: list, path: [keyword, index], schema: item };
    }
    const map = mapOfSchemas.get(keyword);
    if (map && isObject(value)) {
      for (const [name, item] of Object.entries(value))
        yield { keyword, place: map, path: [keyword, name], schema: item };
    }
  }
}

export interface PlacedSchema {
  readonly pointer: string;
  readonly schema: JsonValue;
  readonly keyword: string | null;
}

/** A schema and every schema inside it, outermost first, with pointers from the root. */
export function* eachSchema(
  schema: JsonValue,
  pointer = '',
  keyword: string | null = null,
): Generator<PlacedSchema> {
  yield { pointer, schema, keyword };
  if (!isObject(schema)) return;
  for (const inner of subschemas(schema)) {
    yield* eachSchema(inner.schema, pointer + formatPointer(inner.path), inner.keyword);
  }
}

export function isKnownKeyword(keyword: string): boolean {
  return isJudging(keyword) || describing.has(keyword);
}

/** All keywords, for "did you mean". */
export function knownKeywords(): string[] {
  return [...judging, ...oneSchema.keys(), ...listOfSchemas.keys(), ...mapOfSchemas.keys(), ...describing];
}

/** True for keywords that have a say in whether a value is valid. */
export function isJudging(keyword: string): boolean {
  return (
    judging.has(keyword) || oneSchema.has(keyword) || listOfSchemas.has(keyword) || mapOfSchemas.has(keyword)
  );
}

/** A copy of a schema in which every object schema is replaced by `change(copy, original)`, inner ones first. */
export function mapSchemas(
  schema: JsonValue,
  change: (copy: JsonObject, original: JsonObject) => JsonObject,
): JsonValue {
  if (!isObject(schema)) return schema;
  const copy: Record<string, JsonValue> = { ...schema };
  for (const [keyword, value] of Object.entries(schema)) {
    if (oneSchema.has(keyword)) copy[keyword] = mapSchemas(value, change);
    else if (listOfSchemas.has(keyword) && Array.isArray(value)) {
      copy[keyword] = value.map((item) => mapSchemas(item, change));
    } else if (mapOfSchemas.has(keyword) && isObject(value)) {
      const entries = Object.entries(value);
      copy[keyword] = Object.fromEntries(entries.map(([name, item]) => [name, mapSchemas(item, change)]));
    }
  }
  return change(copy, schema);
}
