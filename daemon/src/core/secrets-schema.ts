/** A schema for secrets alone, each by its pointer: they stand in files of their own, and which object they belong to does not matter. */
import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { planOf } from './schema-plan.ts';
import { eachSchema } from './schema-walk.ts';

/** References inside the service's schema begin at its own root, so it stays whole, under a name of its own. */
const serviceId = 'https://headwater.invalid/service';

/**
 * Judges an object of values by pointer: `{"/tls/key": "…"}`.
 * @param document Passed `checkSchema`.
 * @param judged What `judgedSchema` made of it.
 */
export function secretsSchema(document: JsonObject, judged: JsonObject): JsonObject {
  const places = new Map<JsonValue, string>();
  for (const { schema, pointer } of eachSchema(document)) {
    if (isObject(schema) && !places.has(schema)) places.set(schema, pointer);
  }
  const properties = planOf(document).secrets.map(({ pointer, schemas }) => {
    const refs = schemas.flatMap((schema) => {
      const place = places.get(schema);
      return place === undefined ? [] : [{ $ref: `${serviceId}#${fragmentOf(place)}` }];
    });
    return [pointer, { type: 'string', ...(refs.length > 0 ? { allOf: refs } : {}) }] as const;
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    $defs: { service: { $id: serviceId, ...judged } },
  };
}

const fragmentOf = (pointer: string): string => pointer.split('/').map(encodeURIComponent).join('/');
