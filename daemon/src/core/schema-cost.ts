import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import type { FileProblem } from './parse-config.ts';
import { resolveRef } from './schema-expansion.ts';
import { type PlacedSchema, subschemas } from './schema-walk.ts';

/** Schemas that may have to look at one and the same value. Doubling by `anyOf` and `$ref` reaches millions within a few lines. */
export const maxSchemasPerValue = 5_000;

/** A problem when judging one value takes too many schemas, or never ends because a schema joins itself. */
export function checkInPlaceCost(root: JsonObject, placed: readonly PlacedSchema[]): FileProblem | null {
  const costs = new Map<JsonObject, number>();
  for (const { pointer, schema } of placed) {
    const cost = costOf(schema, root, costs);
    if (cost <= maxSchemasPerValue) continue;
    const endless = cost === Number.POSITIVE_INFINITY;
    return {
      code: endless ? 'HW_SCHEMA_INVALID' : 'HW_SCHEMA_LIMIT',
      pointer,
      message: endless
        ? 'the schema refers back to itself without end'
        : `more than ${maxSchemasPerValue} schemas judge one value`,
      hint: 'Refer to itself only below "properties" of "items", and nest fewer anyOf, oneOf and allOf.',
    };
  }
  return null;
}

function costOf(schema: JsonValue, root: JsonObject, costs: Map<JsonObject, number>): number {
  if (!isObject(schema)) return 1;
  const known = costs.get(schema);
  if (known !== undefined) return known;
  // Whoever comes back here while it is being counted goes round in circles.
  costs.set(schema, Number.POSITIVE_INFINITY);
  let cost = 1;
  if (typeof schema.$ref === 'string') cost += costOf(resolveRef(root, schema.$ref) ?? true, root, costs);
  for (const inner of subschemas(schema))
    if (inner.place === 'here') cost += costOf(inner.schema, root, costs);
  costs.set(schema, cost);
  return cost;
}
