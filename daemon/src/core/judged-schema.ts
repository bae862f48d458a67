import { isObject, type JsonObject, type JsonValue, type Setting } from '@headwater/schemas/protocol';
import { joinedSchemas } from './schema-expansion.ts';
import { planOf } from './schema-plan.ts';
import { isJudging, mapSchemas, subschemas } from './schema-walk.ts';

/**
 * The part of a schema that judges resolved configs. Secret settings are never in one, so they are not required. Titles, help and the
 * like are gone: services made from one template share one compiled validator, and unknown keywords reach no compiler.
 */
export function judgedSchema(document: JsonObject): JsonObject {
  const secrets = new Map<JsonObject, Set<string>>();
  collectSecrets(document, joinedSchemas(document, document), planOf(document).settings, secrets);
  return mapSchemas(document, (copy, original) => {
    const schema = Object.fromEntries(Object.entries(copy).filter(([keyword]) => isJudging(keyword)));
    const names = secrets.get(original);
    return names ? withoutRequired(schema, names) : schema;
  }) as JsonObject;
}

/** Which names each schema object must not ask for. */
function collectSecrets(
  root: JsonObject,
  schemas: readonly JsonObject[],
  settings: readonly Setting[],
  secrets: Map<JsonObject, Set<string>>,
): void {
  const names = settings.filter(({ annotations }) => annotations.secret).map(({ name }) => name);
  for (const schema of names.length > 0 ? schemasHere(root, schemas) : []) {
    secrets.set(schema, new Set([...(secrets.get(schema) ?? []), ...names]));
  }
  for (const setting of settings) collectSecrets(root, setting.schemas, setting.children, secrets);
}

/** Schemas that demand something of the same object: conditions ("if", "not") only ask. */
function schemasHere(root: JsonObject, starts: readonly JsonObject[]): ReadonlySet<JsonObject> {
  const found = new Set<JsonObject>();
  const waiting = [...starts];
  for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
    if (found.has(schema)) continue;
    found.add(schema);
    for (const inner of subschemas(schema)) {
      if (inner.place !== 'here' || inner.keyword === 'if' || inner.keyword === 'not') continue;
      if (isObject(inner.schema)) waiting.push(...joinedSchemas(root, inner.schema));
    }
  }
  return found;
}

/** The property itself stays where a `$ref` can find it: no config ever has a value for it. */
function withoutRequired(
  schema: Readonly<Record<string, JsonValue>>,
  names: ReadonlySet<string>,
): JsonObject {
  const keep = (list: JsonValue): JsonValue =>
    Array.isArray(list) ? list.filter((name) => typeof name !== 'string' || !names.has(name)) : list;
  const { required, dependentRequired } = schema;
  return {
    ...schema,
    ...(required === undefined ? {} : { required: keep(required) }),
    ...(isObject(dependentRequired)
      ? {
          dependentRequired: Object.fromEntries(
            Object.entries(dependentRequired).map(([name, list]) => [name, keep(list)]),
          ),
        }
      : {}),
  };
}
