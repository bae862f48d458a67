/** The verdict on one (service, environment): its resolved config, or why there is none. */
import {
  type CryptoBackend,
  digestOf,
  type JsonObject,
  toHex,
  utf8,
  valueAt,
} from '@headwater/schemas/protocol';
import { BoundedCache } from './bounded-cache.ts';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import type { ResolvedService, ServiceJudgement } from './judgement.ts';
import { createSchemaLoader, type LoadedSchema } from './load-schema.ts';
import { type ParsedConfig, parseConfig, tooLarge } from './parse-config.ts';
import { type ParsedLayer, placeFindings, placeProblems } from './place-problems.ts';
import { parseRecipients } from './recipients.ts';
import { resolveConfig } from './resolve.ts';
import { planOf } from './schema-plan.ts';
import { isError } from './schema-problem.ts';
import { brokenRules, type Problem, type SchemaValidator, unknownSettings } from './validate.ts';

export interface Judge {
  /** Equal keys get the same judgement. Rejects only with what `readBlob` throws, `HW_FILE_TOO_LARGE` excepted: that is a finding. */
  judge(inputs: ServiceInputs): Promise<ServiceJudgement>;
  /** A config file of the repository, parsed; remembered by blob. Rejects as `judge`. */
  parse(oid: string): Promise<ParsedConfig>;
}

export interface JudgeDeps {
  readonly readBlob: ReadBlob;
  readonly validator: SchemaValidator;
  readonly crypto: CryptoBackend;
}

export interface JudgeOptions {
  /** Judgements kept. Default 20 000. */
  readonly maxJudgements?: number;
}

/** Largest resolved config, in bytes of JSON. */
export const maxConfigBytes = 512 * 1024;
/** Bytes of config files whose values are kept. */
const maxCachedBytes = 64 * 1024 * 1024;

export function createJudge(deps: JudgeDeps, options: JudgeOptions = {}): Judge {
  const judgements = new BoundedCache<ServiceJudgement>(options.maxJudgements ?? 20_000);
  const files = new BoundedCache<ParsedConfig>(maxCachedBytes);
  const loadSchema = createSchemaLoader(deps);

  async function parse(oid: string): Promise<ParsedConfig> {
    const known = files.get(oid);
    if (known) return known;
    const bytes = await readWithin(deps.readBlob, oid);
    const parsed = bytes === null ? { problem: tooLarge() } : parseConfig(bytes);
    files.set(oid, parsed, bytes?.length ?? 1);
    return parsed;
  }

  async function judge(inputs: ServiceInputs): Promise<ServiceJudgement> {
    const known = judgements.get(inputs.key);
    if (known) return known;
    const schema = inputs.schema && (await loadSchema(inputs.schema.oid));
    const parsed = await Promise.all(inputs.layers.map((file) => parse(file.oid)));
    const layers = inputs.layers.map((file, index) => ({ ...file, parsed: parsed[index]! }));
    const judgement = await judgeFiles(inputs, schema, layers, deps);
    // A slow moment is no property of the inputs: they get another chance.
    if (!judgement.findings.some(({ code }) => code === 'HW_VALIDATION_TIMEOUT'))
      judgements.set(inputs.key, judgement);
    return judgement;
  }

  return { judge, parse };
}

async function judgeFiles(
  inputs: ServiceInputs,
  schema: LoadedSchema | null,
  layers: readonly ParsedLayer[],
  deps: JudgeDeps,
): Promise<ServiceJudgement> {
  const early = [...schemaFindings(inputs, schema), ...fileFindings(inputs, layers)];
  const document = schema?.document ?? null;
  if (schema === null || document === null) return { key: inputs.key, resolved: null, findings: early };
  const plain = layers.flatMap(({ layer, parsed }) =>
    'value' in parsed ? [{ layer, value: parsed.value }] : [],
  );
  early.push(...(await placeFindings(secretsInConfig(inputs, document, layers), deps.readBlob, inputs)));
  if (early.some(isError)) return { key: inputs.key, resolved: null, findings: early };

  const { config } = resolveConfig(document, plain);
  const problems = [
    ...sizeProblems(config),
    ...unknownSettings(document, config),
    ...brokenRules(document, config),
    ...(await deps.validator.check(schema.judged, config)),
  ];
  const secrets = await readSecrets(inputs, document, deps);
  const late = await placeProblems(problems, document, layers, inputs, deps.readBlob);
  const findings = [...early, ...late, ...secrets.findings];
  if (findings.some(isError)) return { key: inputs.key, resolved: null, findings };
  const resolved: ResolvedService = {
    config,
    digest: digestOf(config, deps.crypto),
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

/** Where a secret stands in a file that everybody may read. The value goes nowhere. */
function secretsInConfig(inputs: ServiceInputs, document: JsonObject, layers: readonly ParsedLayer[]) {
  return layers.flatMap((file) =>
    planOf(document).secrets.flatMap(({ pointer }) => {
      if (!('value' in file.parsed) || valueAt(file.parsed.value, pointer) === undefined) return [];
      const message = `${pointer} is a secret and must not be written in plain text`;
      const hint = `Put it into ${inputs.folder}/secrets.json with sops, remove it here, and treat the old value as known to others.`;
      return [
        {
          severity: 'error',
          code: 'HW_SECRET_IN_CONFIG',
          path: file.path,
          oid: file.oid,
          pointer,
          message,
          hint,
        } as const,
      ];
    }),
  );
}

function sizeProblems(config: JsonObject): Problem[] {
  const bytes = Buffer.byteLength(JSON.stringify(config));
  if (bytes <= maxConfigBytes) return [];
  const message = `expected at most ${maxConfigBytes} bytes of resolved config, got ${bytes}`;
  const hint = 'Keep large data elsewhere and configure where it lies.';
  return [{ code: 'HW_CONFIG_TOO_LARGE', about: 'config', pointer: '', message, hint }];
}

async function readSecrets(
  inputs: ServiceInputs,
  document: JsonObject,
  { readBlob, crypto }: JudgeDeps,
): Promise<{ readonly value: ResolvedService['secrets']; readonly findings: readonly Finding[] }> {
  const { service, env, secrets, recipients } = inputs;
  const [first] = secrets;
  if (first === undefined) return { value: null, findings: missingSecrets(inputs, document) };
  const lines = [...secrets, ...(recipients ? [recipients] : [])].map(
    ({ layer, oid }) => `${layer} ${oid}\n`,
  );
  const undelivered: Finding = {
    severity: 'warning',
    code: 'HW_SECRET_UNDELIVERED',
    file: first.path,
    pointer: '',
    message: 'this version does not deliver secrets yet',
    hint: 'The service gets its config without the values of this file.',
    service,
    env,
  };
  const read = await readRecipients(inputs, readBlob);
  const value = { rev: toHex(crypto.sha256(utf8(lines.join('')))), recipients: read.recipients };
  return { value, findings: [undelivered, ...read.findings] };
}

async function readRecipients({ service, env, recipients: file }: ServiceInputs, readBlob: ReadBlob) {
  if (file === null) return { recipients: [], findings: [] };
  const problem = (fields: Pick<Finding, 'code' | 'message' | 'hint'> & { line?: number }): Finding => ({
    severity: 'error',
    file: file.path,
    pointer: '',
    service,
    env,
    ...fields,
  });
  const bytes = await readWithin(readBlob, file.oid);
  if (bytes === null) return { recipients: [], findings: [problem(tooLarge())] };
  const { recipients, badLines } = parseRecipients(Buffer.from(bytes).toString('utf8'));
  const hint = 'One age public key (age1…) per line; "#" starts a comment.';
  const findings = badLines
    .slice(0, 20)
    .map((line) =>
      problem({ code: 'HW_KEY_INVALID', message: 'this line is not an age public key', hint, line }),
    );
  return { recipients, findings };
}

function missingSecrets({ service, env, folder }: ServiceInputs, document: JsonObject): Finding[] {
  return planOf(document)
    .secrets.filter(({ required, pointer }) => required && pointer.lastIndexOf('/') === 0)
    .map(({ pointer }) => ({
      severity: 'warning',
      code: 'HW_SECRET_MISSING',
      file: `schemas/${service}.schema.json`,
      pointer: `/properties${pointer}`,
      message: `the required secret ${pointer} is not set`,
      hint: `Set it in ${folder}/secrets.json or secrets.${env}.json.`,
      service,
      env,
    }));
}
