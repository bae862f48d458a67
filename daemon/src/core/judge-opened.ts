/** The values of a service's secrets, held against its schema. They are in memory for that moment, and nothing of them is in a finding. */
import { type HeadwaterError, isHeadwaterError, maxSecretsBundleBytes } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from './files.ts';
import type { LayerFile, ServiceInputs } from './inputs.ts';
import type { LoadedSchema } from './load-schema.ts';
import type { UnplacedFinding } from './place-problems.ts';
import type { SchemaValidator } from './validate.ts';

/**
 * Opens one secrets file with the identities of its environment.
 * @returns Values by pointer. Rejects with `HW_SECRET_UNREADABLE` when there is no identity for it, else with what is wrong with the file.
 */
export type OpenSecrets = (file: LayerFile, bytes: Uint8Array) => Promise<ReadonlyMap<string, string>>;

export interface OpenedDeps {
  readonly readBlob: ReadBlob;
  readonly validator: SchemaValidator;
  readonly openSecrets?: OpenSecrets;
}

/** What the bundle holds beside its values, at most. */
const bundleHeadBytes = 512;

/**
 * A file that this daemon cannot open is a warning: another may, so it says nothing of the commit. Whoever cannot open it does not
 * publish it either.
 */
export async function judgeOpened(
  { secrets, schema: schemaFile }: ServiceInputs,
  schema: LoadedSchema,
  { readBlob, validator, openSecrets }: OpenedDeps,
): Promise<UnplacedFinding[]> {
  if (openSecrets === undefined) return [];
  const findings: UnplacedFinding[] = [];
  const merged = new Map<string, string>();
  for (const file of secrets) {
    const { path, oid } = file;
    const bytes = await readWithin(readBlob, oid);
    if (bytes === null) continue; // told already
    try {
      const values = await openSecrets(file, bytes);
      for (const [pointer, value] of values) merged.set(pointer, value);
      const problems = await validator.check(schema.secrets, Object.fromEntries(values), { secret: true });
      findings.push(
        ...problems.map(({ about, code, pointer, message, hint }) => ({
          ...({ severity: 'error', code, pointer, message, hint } as const),
          ...(about === 'schema' && schemaFile ? { path: schemaFile.path, oid: '' } : { path, oid }),
        })),
      );
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      findings.push({ ...problemOf(error), path, oid });
    }
  }
  const last = secrets.at(-1);
  if (last && bundleSize(merged) > maxSecretsBundleBytes) findings.push(tooLarge(last));
  return findings;
}

function problemOf({ code, message, hint, details }: HeadwaterError) {
  const severity = code === 'HW_SECRET_UNREADABLE' ? 'warning' : 'error';
  const pointer =
    typeof details.pointer === 'string' && details.pointer.startsWith('/') ? details.pointer : '';
  return { severity, code, pointer, message, hint: hint ?? 'Correct the file.' } as const;
}

/** As JSON, in which control characters take six bytes. */
const bundleSize = (values: ReadonlyMap<string, string>): number =>
  bundleHeadBytes + Buffer.byteLength(JSON.stringify(Object.fromEntries(values)));

function tooLarge({ path, oid }: LayerFile): UnplacedFinding {
  const message = `written as JSON the secrets have more than ${maxSecretsBundleBytes - bundleHeadBytes} bytes`;
  const hint = 'Keep binary data out of secrets, or write it as base64.';
  return { severity: 'error', code: 'HW_SECRET_TOO_LARGE', path, oid, pointer: '', message, hint };
}
