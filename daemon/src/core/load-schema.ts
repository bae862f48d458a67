/** Schemas of the repository, checked once per blob. */
import { type CryptoBackend, digestOfBytes, type JsonObject, utf8 } from '@headwater/schemas/protocol';
import { BoundedCache } from './bounded-cache.ts';
import { type ReadBlob, readWithin } from './files.ts';
import { judgedSchema } from './judged-schema.ts';
import { createLocator, parseDocument, tooLarge } from './parse-config.ts';
import { checkSchema } from './schema-check.ts';
import { schemaPointerOf } from './schema-expansion.ts';
import { planOf } from './schema-plan.ts';
import { isError, type SchemaProblem } from './schema-problem.ts';
import { secretsSchema } from './secrets-schema.ts';
import type { Problem, SchemaValidator } from './validate.ts';

export interface LoadedSchema {
  /** Digest of the bytes of the file. */
  readonly digest: string;
  /** `null` when the schema cannot be used. */
  readonly document: JsonObject | null;
  /** What the validator gets. */
  readonly judged: { readonly digest: string; readonly document: JsonObject };
  /** What the validator gets for secrets, which it judges by pointer. */
  readonly secrets: { readonly digest: string; readonly document: JsonObject };
  readonly problems: readonly SchemaProblem[];
}

export interface SchemaDeps {
  readonly readBlob: ReadBlob;
  readonly validator: SchemaValidator;
  readonly crypto: CryptoBackend;
}

/** Bytes of schema files whose documents are kept. */
const maxCachedBytes = 64 * 1024 * 1024;
/** Judged documents that schemas share: services made from one template have the same. */
const maxShared = 1_000;

/** A loader that remembers. Rejects with what `readBlob` throws, or when the validator is closed or cannot start. */
export function createSchemaLoader(deps: SchemaDeps): (oid: string) => Promise<LoadedSchema> {
  const cache = new BoundedCache<LoadedSchema>(maxCachedBytes);
  // One schema serves several environments, which may ask at the same time.
  const loading = new Map<string, Promise<LoadedSchema>>();
  const judged = new BoundedCache<Judged>(maxShared);
  const share: Share = (one) => {
    const known = judged.get(one.digest);
    if (known === undefined) judged.set(one.digest, one);
    return known ?? one;
  };

  async function read(oid: string): Promise<LoadedSchema> {
    const bytes = await readWithin(deps.readBlob, oid);
    const loaded =
      bytes === null ? unusable('', [{ severity: 'error', ...tooLarge() }]) : await load(bytes, deps, share);
    // A slow moment is no property of the schema: it gets another chance.
    if (!loaded.problems.some(({ code }) => code === 'HW_VALIDATION_TIMEOUT')) {
      cache.set(oid, loaded, bytes?.length ?? 1);
    }
    return loaded;
  }

  return async (oid) => {
    const known = cache.get(oid) ?? loading.get(oid);
    if (known) return known;
    const started = read(oid).finally(() => loading.delete(oid));
    loading.set(oid, started);
    return started;
  };
}

type Judged = LoadedSchema['judged'];
/** Gives the document of the same digest that is kept already. */
type Share = (judged: Judged) => Judged;

async function load(
  bytes: Uint8Array,
  { validator, crypto }: SchemaDeps,
  share: Share,
): Promise<LoadedSchema> {
  const digest = digestOfBytes(bytes, crypto);
  const parsed = parseDocument(bytes);
  if ('problem' in parsed) return unusable(digest, [{ severity: 'error', ...parsed.problem }]);
  const document = parsed.value;
  const problems = [...checkSchema(document)];
  let judged: Judged = nothing;
  let secrets: Judged = nothing;
  if (!problems.some(isError)) {
    judged = share(named(judgedSchema(document), crypto));
    if (planOf(document).secrets.length > 0)
      secrets = share(named(secretsSchema(document, judged.document), crypto));
    const found = await validator.check(judged, planOf(document).defaults);
    problems.push(...found.flatMap((problem) => aboutDefaults(document, problem)));
  }
  const locate = createLocator(bytes);
  const placed = problems.map((problem) => {
    const line = problem.line ?? locate(problem.pointer);
    return line === undefined ? problem : { ...problem, line };
  });
  return { digest, document: problems.some(isError) ? null : document, judged, secrets, problems: placed };
}

function named(document: JsonObject, crypto: CryptoBackend): Judged {
  return { document, digest: digestOfBytes(utf8(JSON.stringify(document)), crypto) };
}

/** The defaults alone need not be a valid config; but each default must fit its own setting. */
function aboutDefaults(document: JsonObject, problem: Problem): SchemaProblem[] {
  const { code, pointer, message, hint } = problem;
  if (problem.about === 'schema') return [{ severity: 'error', code, pointer, message, hint }];
  if (problem.own !== true) return [];
  const place = schemaPointerOf(document, pointer);
  return [
    {
      severity: 'error',
      code: 'HW_SCHEMA_INVALID',
      pointer: `${place}/default`,
      message: `the default of ${pointer} does not fit: ${message}`,
      hint,
    },
  ];
}

const nothing: Judged = { digest: '', document: {} };

function unusable(digest: string, problems: readonly SchemaProblem[]): LoadedSchema {
  return { digest, document: null, judged: nothing, secrets: nothing, problems };
}
