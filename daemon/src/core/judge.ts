/** The verdict on one (service, environment): its resolved config, or why there is none. */
import { type CryptoBackend, digestOf, type JsonObject } from '@headwater/schemas/protocol';
import { BoundedCache } from './bounded-cache.ts';
import { type ReadBlob, readWithin } from './files.ts';
import { findPlainSecrets } from './find-plain-secrets.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import type { OpenSecrets } from './judge-opened.ts';
import { createSecretsJudge, type SecretsJudge } from './judge-secrets.ts';
import { judgeShared } from './judge-shared.ts';
import type { ResolvedService, ServiceJudgement } from './judgement.ts';
import { createSchemaLoader, type LoadedSchema } from './load-schema.ts';
import { type ParsedConfig, parseConfig, tooLarge } from './parse-config.ts';
import { type ParsedLayer, placeProblems } from './place-problems.ts';
import type { SharedFile } from './repo-index.ts';
import { isSharedLayer, type Layer, resolveConfig } from './resolve.ts';
import { isError } from './schema-problem.ts';
import { brokenRules, type Problem, type SchemaValidator, unknownSettings } from './validate.ts';

export interface Judge {
  /**
   * Equal keys get the same judgement; one with `HW_VALIDATION_TIMEOUT` is not remembered. Rejects with what `readBlob` throws, except
   * for `HW_FILE_TOO_LARGE` (a finding), and when the validator is closed or cannot start.
   */
  judge(inputs: ServiceInputs): Promise<ServiceJudgement>;
  /** Warnings about shared values that no service takes. Rejects as `judge`. */
  judgeShared(files: readonly SharedFile[]): Promise<readonly Finding[]>;
}

export interface JudgeDeps {
  readonly readBlob: ReadBlob;
  readonly validator: SchemaValidator;
  readonly crypto: CryptoBackend;
  /** Opens secrets files with the identities of a daemon. Without it files are judged, and their values are not. */
  readonly openSecrets?: OpenSecrets;
}

export interface JudgeOptions {
  /** Judgements kept. Default 20 000. */
  readonly maxJudgements?: number;
}

/** Largest resolved config, in bytes of JSON. */
export const maxConfigBytes = 512 * 1024;
/** Bytes of config files whose values are kept. */
const maxCachedBytes = 64 * 1024 * 1024;
/** Resolved configs that environments share while they are judged side by side. */
const maxShared = 1_000;

export function createJudge(deps: JudgeDeps, options: JudgeOptions = {}): Judge {
  const judgements = new BoundedCache<ServiceJudgement>(options.maxJudgements ?? 20_000);
  const files = new BoundedCache<ParsedConfig>(maxCachedBytes);
  const loadSchema = createSchemaLoader(deps);
  const judgeSecrets = createSecretsJudge(deps);
  const resolved = new BoundedCache<Promise<CheckedConfig>>(maxShared);

  /** Environments whose layers are the same files have the same config: it is made, checked and kept once. */
  function resolve(
    inputs: ServiceInputs,
    schema: LoadedSchema,
    document: JsonObject,
    layers: readonly Layer[],
  ): Promise<CheckedConfig> {
    const files = inputs.layers.map(({ layer, oid }) => `${isSharedLayer(layer) ? 'shared' : 'own'} ${oid}`);
    const key = [inputs.schema?.oid, ...files].join(' ');
    const known = resolved.get(key);
    if (known) return known;
    const made = checkConfig(schema, document, layers, deps);
    resolved.set(key, made);
    // What was a moment's failure, or is to be told anew, is not kept.
    const forget = () => void resolved.delete(key);
    made.then(({ problems }) => problems.length > 0 && forget(), forget);
    return made;
  }

  async function parse(oid: string): Promise<ParsedConfig> {
    const known = files.get(oid);
    if (known) return known;
    const bytes = await readWithin(deps.readBlob, oid);
    const parsed = bytes === null ? { problem: tooLarge() } : parseConfig(bytes);
    files.set(oid, parsed, bytes?.length ?? 1);
    return parsed;
  }

  async function judge(inputs: ServiceInputs): Promise<ServiceJudgement> {
    const known = judgements.get(inputs.verdictKey);
    if (known) return known;
    const schema = inputs.schema && (await loadSchema(inputs.schema.oid));
    const parsed = await Promise.all(inputs.layers.map((file) => parse(file.oid)));
    const layers = inputs.layers.map((file, index) => ({ ...file, parsed: parsed[index]! }));
    const judgement = await judgeFiles(inputs, schema, layers, { ...deps, judgeSecrets, resolve });
    // A slow moment is no property of the inputs: they get another chance.
    if (!judgement.findings.some(({ code }) => code === 'HW_VALIDATION_TIMEOUT'))
      judgements.set(inputs.verdictKey, judgement);
    return judgement;
  }

  return { judge, judgeShared: (shared) => judgeShared(shared, parse, deps.readBlob) };
}

interface CheckedConfig {
  readonly config: JsonObject;
  /** `null` when there are problems. */
  readonly digest: string | null;
  readonly problems: readonly Problem[];
}

type Resolve = (
  inputs: ServiceInputs,
  schema: LoadedSchema,
  document: JsonObject,
  layers: readonly Layer[],
) => Promise<CheckedConfig>;

async function checkConfig(
  schema: LoadedSchema,
  document: JsonObject,
  layers: readonly Layer[],
  { validator, crypto }: JudgeDeps,
): Promise<CheckedConfig> {
  const { config } = resolveConfig(document, layers);
  const problems = [
    ...sizeProblems(config),
    ...unknownSettings(document, config),
    ...brokenRules(document, config),
    ...(await validator.check(schema.judged, config)),
  ];
  return { config, digest: problems.length === 0 ? digestOf(config, crypto) : null, problems };
}

async function judgeFiles(
  inputs: ServiceInputs,
  schema: LoadedSchema | null,
  layers: readonly ParsedLayer[],
  deps: JudgeDeps & { readonly judgeSecrets: SecretsJudge; readonly resolve: Resolve },
): Promise<ServiceJudgement> {
  const early = [...schemaFindings(inputs, schema), ...fileFindings(inputs, layers)];
  const document = schema?.document ?? null;
  if (schema === null || document === null) return { key: inputs.key, resolved: null, findings: early };
  const plain = layers.flatMap(({ layer, parsed }) =>
    'value' in parsed ? [{ layer, value: parsed.value }] : [],
  );
  early.push(...(await findPlainSecrets(inputs, document, layers, deps.readBlob)));
  if (early.some(isError)) return { key: inputs.key, resolved: null, findings: early };

  const { config, digest, problems } = await deps.resolve(inputs, schema, document, plain);
  const secrets = await deps.judgeSecrets(inputs, schema, document);
  const late = await placeProblems(problems, document, layers, inputs, deps.readBlob);
  const findings = [...early, ...late, ...secrets.findings];
  if (findings.some(isError)) return { key: inputs.key, resolved: null, findings };
  const resolved: ResolvedService = {
    config,
    digest: digest ?? digestOf(config, deps.crypto),
    schema: schema.digest,
    schemaDocument: document,
    secrets: secrets.value,
  };
  return { key: inputs.key, resolved, findings };
}

function schemaFindings(
  { service, env, schema: file, folder }: ServiceInputs,
  schema: LoadedSchema | null,
): Finding[] {
  const path = `schemas/${service}.schema.json`;
  if (file !== null && schema !== null) {
    return schema.problems.map((problem) => ({ ...problem, file: path, service, env }));
  }
  return [
    {
      severity: 'error',
      code: 'HW_SCHEMA_MISSING',
      file: path,
      pointer: '',
      message: `the service in ${folder} has no schema`,
      hint: `Create ${path}: a JSON Schema of its settings.`,
      service,
      env,
    },
  ];
}

function fileFindings({ service, env }: ServiceInputs, layers: readonly ParsedLayer[]): Finding[] {
  return layers.flatMap(({ path, parsed }): Finding[] =>
    'problem' in parsed ? [{ severity: 'error', file: path, ...parsed.problem, service, env }] : [],
  );
}

function sizeProblems(config: JsonObject): Problem[] {
  const bytes = Buffer.byteLength(JSON.stringify(config));
  if (bytes <= maxConfigBytes) return [];
  const message = `expected at most ${maxConfigBytes} bytes of resolved config, got ${bytes}`;
  const hint = 'Keep large data elsewhere and configure where it lies.';
  return [{ code: 'HW_CONFIG_TOO_LARGE', about: 'config', pointer: '', message, hint }];
}
