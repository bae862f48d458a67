/** From a problem of a resolved config to the file and line where somebody can fix it. */
import { type JsonObject, valueAt } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { LayerFile, ServiceInputs } from './inputs.ts';
import { createLocator, type ParsedConfig } from './parse-config.ts';
import { schemaPointerOf } from './schema-expansion.ts';
import { planOf } from './schema-plan.ts';
import type { Problem } from './validate.ts';

/** A layer with what its file holds. */
export interface ParsedLayer extends LayerFile {
  readonly parsed: ParsedConfig;
}

/** A finding whose line is still to be found. */
export type UnplacedFinding = Pick<Finding, 'severity' | 'code' | 'pointer' | 'message' | 'hint'> & {
  readonly path: string;
  readonly oid: string;
};

/** Findings of the problems of a resolved config. Problems found twice are told once. */
export function placeProblems(
  problems: readonly Problem[],
  document: JsonObject,
  layers: readonly ParsedLayer[],
  inputs: ServiceInputs,
  readBlob: ReadBlob,
): Promise<Finding[]> {
  const seen = new Set<string>();
  const unplaced: UnplacedFinding[] = [];
  for (const problem of problems) {
    const { code, pointer, message, hint } = problem;
    const key = code === 'HW_CONFIG_UNKNOWN_SETTING' ? `${code} ${pointer}` : `${code} ${pointer} ${message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    unplaced.push({ severity: 'error', code, message, hint, ...placeOf(problem, document, layers, inputs) });
  }
  return placeFindings(unplaced, readBlob, inputs);
}

/** Adds lines. A file is read again only when something is wrong with it. */
export async function placeFindings(
  unplaced: readonly UnplacedFinding[],
  readBlob: ReadBlob,
  { service, env }: { readonly service?: string; readonly env?: string },
): Promise<Finding[]> {
  const about = { ...(service === undefined ? {} : { service }), ...(env === undefined ? {} : { env }) };
  const locators = new Map<string, (pointer: string) => number | undefined>();
  for (const { oid } of unplaced) {
    if (locators.has(oid)) continue;
    const bytes = oid === '' ? null : await readWithin(readBlob, oid);
    locators.set(oid, bytes === null ? () => undefined : createLocator(bytes));
  }
  return unplaced.map(({ path, oid, ...rest }) => {
    const line = locators.get(oid)?.(rest.pointer);
    return { ...rest, file: path, ...(line === undefined ? {} : { line }), ...about };
  });
}

/** The last layer with a value there set it; what nobody set is missing in the base file; what only the schema set is its default. */
function placeOf(
  { about, pointer }: Problem,
  document: JsonObject,
  layers: readonly ParsedLayer[],
  inputs: ServiceInputs,
): { readonly path: string; readonly oid: string; readonly pointer: string } {
  const schema = { path: inputs.schema?.path ?? '', oid: inputs.schema?.oid ?? '' };
  if (about === 'schema') return { ...schema, pointer };
  const setBy = layers.findLast(
    ({ parsed }) => 'value' in parsed && valueAt(parsed.value, pointer) !== undefined,
  );
  if (setBy && pointer !== '') return { path: setBy.path, oid: setBy.oid, pointer };
  if (valueAt(planOf(document).defaults, pointer) !== undefined && pointer !== '') {
    return { ...schema, pointer: schemaPointerOf(document, pointer) };
  }
  const base = layers.find(({ layer }) => layer === 'base') ?? layers[layers.length - 1];
  return base
    ? { path: base.path, oid: base.oid, pointer }
    : { ...schema, pointer: schemaPointerOf(document, pointer) };
}
