import type { FileProblem } from './parse-config.ts';

/** What is wrong in a schema file. Only errors keep the schema from being used. */
export interface SchemaProblem extends FileProblem {
  readonly severity: 'error' | 'warning';
}

export function invalid(pointer: string, message: string, hint: string): SchemaProblem {
  return { severity: 'error', code: 'HW_SCHEMA_INVALID', pointer, message, hint };
}

export function isError(problem: { readonly severity: 'error' | 'warning' }): boolean {
  return problem.severity === 'error';
}
