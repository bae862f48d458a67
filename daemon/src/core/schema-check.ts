/** What a repository's schema must satisfy before anything compiles it or reads settings from it. */
import type { JsonObject } from '@headwater/schemas/protocol';
import type { FileProblem } from './parse-config.ts';
import { checkExpansion } from './schema-expansion.ts';

export interface SchemaProblem extends FileProblem {
  readonly severity: 'error' | 'warning';
}

/** Problems of a schema; the schema may be used when none of them is an error. */
export function checkSchema(document: JsonObject): readonly SchemaProblem[] {
  const expansion = checkExpansion(document);
  return expansion ? [{ severity: 'error', ...expansion }] : [];
}
