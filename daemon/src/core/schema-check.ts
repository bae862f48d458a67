/** What a repository's schema must satisfy before anything compiles it or reads settings from it. Patterns are judged by the worker. */
import { formatPointer, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { checkAnnotations } from './schema-annotations.ts';
import { checkInPlaceCost } from './schema-cost.ts';
import { checkExpansion, resolveRef } from './schema-expansion.ts';
import { invalid, isError, type SchemaProblem } from './schema-problem.ts';
import { eachSchema, isJudging, isKnownKeyword, knownKeywords, type PlacedSchema } from './schema-walk.ts';
import { didYouMean } from './suggest.ts';

/** Schemas inside one document, `$defs` included: the largest honest ones have some thousands. */
export const maxSchemas = 5_000;
/** What is told about one schema at once. */
const maxProblems = 50;

/** Problems of a schema; the schema may be used when none of them is an error. Cost is bounded for any document. */
export function checkSchema(document: JsonObject): readonly SchemaProblem[] {
  const placed: PlacedSchema[] = [];
  for (const schema of eachSchema(document)) {
    if (placed.length >= maxSchemas) return [limit(`more than ${maxSchemas} schemas in one document`)];
    placed.push(schema);
  }
  const schemas = new Set(placed.map(({ schema }) => schema));
  const structural = [
    ...checkRoot(document),
    ...placed.flatMap((schema) => checkOne(document, schema, schemas)),
  ];
  const expansion = checkExpansion(document) ?? checkInPlaceCost(document, placed);
  if (expansion) structural.push({ severity: 'error', ...expansion });
  if (structural.some(isError)) return structural.slice(0, maxProblems);
  return [...structural, ...checkAnnotations(document, placed)].slice(0, maxProblems);
}

function checkRoot(document: JsonObject): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const dialect = document.$schema;
  if (
    dialect !== undefined &&
    !(typeof dialect === 'string' && /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/.test(dialect))
  ) {
    const hint = 'Write "$schema": "https://json-schema.org/draft/2020-12/schema".';
    problems.push(invalid('/$schema', 'schemas are JSON Schema 2020-12', hint));
  }
  if (document.type !== 'object') {
    problems.push(invalid('/type', 'the schema of a service describes an object', 'Write "type": "object".'));
  }
  return problems;
}

/** Keywords that would let a schema mean something else here than in the readers of its settings. */
const refused: ReadonlyMap<string, string> = new Map([
  ['$anchor', 'Refer by path: "#/$defs/name".'],
  ['$dynamicAnchor', 'Refer by path: "#/$defs/name".'],
  ['$dynamicRef', 'Use "$ref": "#/$defs/name".'],
  ['$recursiveRef', 'Use "$ref": "#/$defs/name".'],
  ['$recursiveAnchor', 'Remove it.'],
  ['$vocabulary', 'Remove it.'],
]);

function checkOne(
  document: JsonObject,
  { pointer, schema }: PlacedSchema,
  schemas: ReadonlySet<JsonValue>,
): SchemaProblem[] {
  if (!isObject(schema)) return [];
  return Object.entries(schema).flatMap(([keyword, value]): SchemaProblem[] => {
    const place = pointer + formatPointer([keyword]);
    if (keyword === '$ref') return checkRef(document, place, value, schemas);
    if (keyword === '$id' && pointer !== '')
      return [invalid(place, '"$id" is allowed at the top only', 'Remove it.')];
    const hint = refused.get(keyword);
    if (hint !== undefined) return [invalid(place, `"${keyword}" is not supported`, hint)];
    if (isJudging(keyword) && isObject(value) && Object.hasOwn(value, '$data') && keyword !== 'properties') {
      return [
        invalid(place, '"$data" is not supported', 'Use a fixed value, or a rule in the x-hw of the schema.'),
      ];
    }
    if (isKnownKeyword(keyword) || keyword.startsWith('x-')) return [];
    const message = `${JSON.stringify(keyword.slice(0, 80))} is no keyword of JSON Schema 2020-12 and has no effect`;
    const near = didYouMean(keyword, knownKeywords(), 'Remove it, or let its name begin with "x-".');
    return [{ ...invalid(place, message, near), severity: 'warning' }];
  });
}

function checkRef(
  document: JsonObject,
  place: string,
  ref: JsonValue,
  schemas: ReadonlySet<JsonValue>,
): SchemaProblem[] {
  const local = typeof ref === 'string' && ref.startsWith('#');
  const shown = JSON.stringify(ref).slice(0, 100);
  const hint = 'Refer to a schema in this file: "#/$defs/name".';
  if (!local) {
    const message = `${shown} lies outside this file and is never fetched`;
    return [{ severity: 'error', code: 'HW_SCHEMA_REMOTE_REF', pointer: place, message, hint }];
  }
  const target = resolveRef(document, ref);
  // Data is no schema, even where it looks like one: the walk knows which is which.
  if (target !== undefined && schemas.has(target)) return [];
  return [invalid(place, `${shown} names no schema of this file`, hint)];
}

function limit(message: string): SchemaProblem {
  return {
    severity: 'error',
    code: 'HW_SCHEMA_LIMIT',
    pointer: '',
    message,
    hint: 'Describe less in one schema.',
  };
}
