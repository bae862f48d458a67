import type { JsonObject, JsonValue, Setting } from '@headwater/schemas/protocol';
import { joinedSchemas } from './schema-expansion.ts';
import { planOf } from './schema-plan.ts';
import { isJudging, mapSchemas } from './schema-walk.ts';

/**
 * The part of a schema that judges resolved configs. Secret settings are never in one, so they are not required. Titles, help and the
 * like are gone: services made from one template share one compiled validator, and unknown keywords reach no compiler.
 */
export function judgedSchema(document: JsonObject): JsonObject {
  const secrets = new Map<JsonObject, Set<string>>();
  collectSecrets(joinedSchemas(document, document), planOf(document).settings, secrets);
  return mapSchemas(document, (copy, original) => {
    const kept = Object.entries(copy).filter(([keyword]) => isJudging(keyword));
    const schema = Object.fromEntries(kept);
    const names = secrets.get(original);
    return names ? withoutRequired(schema, names) : schema;
  }) as JsonObject;
}

/** Which names each schema object must not ask for. */
function collectSecrets(
  around: readonly JsonObject[],
  settings: readonly Setting[],
  secrets: Map<JsonObject, Set<string>>,
): void {
  for (const setting of settings) {
    if (!setting.annotations.secret) {
      collectSecrets(setting.schemas, setting.children, secrets);
      continue;
    }
    for (const schema of around) secrets.set(schema, (secrets.get(schema) ?? new Set()).add(setting.name));
  }
}

/** The property itself may stay where a `$ref` can find it: no config ever has a value for it. */
function withoutRequired(schema: Record<string, JsonValue>, names: ReadonlySet<string>): JsonObject {
  if (!Array.isArray(schema.required)) return schema;
  const required = schema.required.filter((name) => typeof name !== 'string' || !names.has(name));
  return { ...schema, required };
}
