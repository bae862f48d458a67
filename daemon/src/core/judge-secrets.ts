/** What can be said of a service's secrets: without a key about every file, and with the daemon's identities about the values, too. */
import { type CryptoBackend, type JsonObject, maxSecretsBytes } from '@headwater/schemas/protocol';
import type { FileState } from '../ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { createPolicyReader } from './creation-policy.ts';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { LayerFile, ServiceInputs } from './inputs.ts';
import { judgeOpened, type OpenSecrets } from './judge-opened.ts';
import { judgeRecipients } from './judge-recipients.ts';
import { readSecretsFile, type SecretsFileFacts } from './judge-secrets-file.ts';
import type { ResolvedService, SecretPlace } from './judgement.ts';
import type { LoadedSchema } from './load-schema.ts';
import type { FileProblem } from './parse-config.ts';
import { placeFindings, type UnplacedFinding } from './place-problems.ts';
import { planOf } from './schema-plan.ts';
import { isError } from './schema-problem.ts';
import { secretsRev } from './secrets-rev.ts';
import type { SchemaValidator } from './validate.ts';

export interface SecretsJudgeDeps {
  readonly readBlob: ReadBlob;
  readonly crypto: CryptoBackend;
  readonly validator: SchemaValidator;
  /** Opens files with the identities of a daemon. Without it nothing is said of values. */
  readonly openSecrets?: OpenSecrets;
}

export interface JudgedSecrets {
  /** `null` without a secrets file. */
  readonly value: ResolvedService['secrets'];
  readonly findings: readonly Finding[];
}

/** Rejects with what `readBlob` throws, except for `HW_FILE_TOO_LARGE`. */
export type SecretsJudge = (
  inputs: ServiceInputs,
  schema: LoadedSchema,
  document: JsonObject,
) => Promise<JudgedSecrets>;

/** Facts kept by file and rules: every environment looks at the base file. */
const maxCached = 20_000;

export function createSecretsJudge(deps: SecretsJudgeDeps): SecretsJudge {
  const policyFor = createPolicyReader(deps.readBlob);
  const cache = new BoundedCache<JudgedFile>(maxCached);

  async function judgeFile(file: LayerFile, rules: FileState | null): Promise<JudgedFile> {
    const key = `${file.path} ${file.oid} ${rules?.oid ?? '-'}`;
    const known = cache.get(key);
    if (known) return known;
    const judged = await read(file, rules);
    cache.set(key, judged);
    return judged;
  }

  async function read({ path, oid }: LayerFile, rules: FileState | null): Promise<JudgedFile> {
    const asked = await policyFor(rules, path);
    if ('problem' in asked) {
      const place = asked.about === 'rules' ? { path: '.sops.yaml', oid: '' } : { path, oid };
      return { ...unread, problems: [{ severity: 'error', ...asked.problem, ...place }] };
    }
    const facts = readSecretsFile(await readWithin(deps.readBlob, oid), asked.policy);
    return { ...facts, problems: facts.problems.map((problem) => unplaced(problem, path, oid)) };
  }

  return async (inputs, schema, document) => {
    const { secrets } = inputs;
    if (secrets.length === 0) return { value: null, findings: missingSecrets(inputs, document, new Set()) };
    const files = await Promise.all(
      secrets.map(async (file) => ({ file, ...(await judgeFile(file, inputs.creationRules)) })),
    );
    const values = placesOf(files);
    const found = [
      ...files.flatMap(({ problems }) => problems),
      ...files.flatMap(({ file, sizes }) => unknownSecrets(file, sizes.keys(), document)),
      ...copies(inputs),
      ...tooMuch(inputs, values),
    ];
    const opened = found.some(isError) ? [] : await judgeOpened(inputs, schema, deps);
    const { recipients, findings } = await judgeRecipients(inputs, deps.readBlob);
    return {
      value: { rev: secretsRev(inputs, deps.crypto), recipients, values },
      findings: [
        ...(await placeFindings([...found, ...opened], deps.readBlob, inputs)),
        ...findings,
        // What stands in a broken file is not known.
        ...(found.some(isError) ? [] : missingSecrets(inputs, document, new Set(values.keys()))),
        ...undelivered(inputs, recipients),
      ],
    };
  };
}

type JudgedFile = Omit<SecretsFileFacts, 'problems'> & { readonly problems: readonly UnplacedFinding[] };

const unread = { sizes: new Map<string, number>(), changedAt: null };

const unplaced = (problem: FileProblem, path: string, oid: string): UnplacedFinding => {
  const { line: _, ...rest } = problem;
  return { severity: 'error', ...rest, path, oid };
};

/** Later layers over earlier ones, per pointer. */
function placesOf(files: readonly (JudgedFile & { readonly file: LayerFile })[]): Map<string, SecretPlace> {
  const places = new Map<string, SecretPlace>();
  for (const { file, sizes, changedAt } of files) {
    for (const [pointer, bytes] of sizes) places.set(pointer, { layer: file.layer, bytes, changedAt });
  }
  return places;
}

function unknownSecrets(
  { path, oid }: LayerFile,
  pointers: Iterable<string>,
  document: JsonObject,
): UnplacedFinding[] {
  const { secrets, pointers: settings } = planOf(document);
  const known = new Set(secrets.map(({ pointer }) => pointer));
  return [...pointers]
    .filter((pointer) => !known.has(pointer))
    .map((pointer) => {
      const isSetting = settings.has(pointer);
      return {
        severity: 'error',
        code: 'HW_SECRET_UNKNOWN',
        path,
        oid,
        pointer,
        message: isSetting
          ? `the schema does not mark ${pointer} as a secret`
          : `the schema does not describe a secret ${pointer}`,
        hint: isSetting
          ? 'Move it to the config file, or mark it: "x-hw": { "secret": true }.'
          : `Correct its name, or remove it. Secrets of this service: ${[...known].join(', ') || 'none'}.`,
      };
    });
}

function copies({ secrets, copies: others }: ServiceInputs): UnplacedFinding[] {
  return secrets.flatMap(({ path, oid }): UnplacedFinding[] => {
    const other = others.get(path);
    if (other === undefined) return [];
    const message = `it has the data key of ${other}: one of them is a copy, and who may open it could open the other`;
    const hint = `Give the copy a key of its own: sops rotate -i ${path}. If it should not be there, remove it.`;
    return [{ severity: 'error', code: 'HW_SECRET_COPIED', path, oid, pointer: '', message, hint }];
  });
}

function tooMuch({ secrets }: ServiceInputs, values: ReadonlyMap<string, SecretPlace>): UnplacedFinding[] {
  const bytes = [...values.values()].reduce((sum, place) => sum + place.bytes, 0);
  if (bytes <= maxSecretsBytes) return [];
  const { path, oid } = secrets.at(-1) as LayerFile;
  const message = `the secrets have ${bytes} bytes, expected ${maxSecretsBytes} at most`;
  const hint = 'Keep files out of the secrets of a service.';
  return [{ severity: 'error', code: 'HW_SECRET_TOO_LARGE', path, oid, pointer: '', message, hint }];
}

/** Inside an object that may be absent a secret is required only with it, which the config alone does not tell. */
function missingSecrets(
  { service, env, folder }: ServiceInputs,
  document: JsonObject,
  present: ReadonlySet<string>,
): Finding[] {
  const required = planOf(document).settings.filter(
    ({ annotations, required, pointer }) => annotations.secret && required && !present.has(pointer),
  );
  return required.map(({ pointer }) => ({
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

function undelivered(
  { service, env, secrets, folder }: ServiceInputs,
  recipients: readonly string[],
): Finding[] {
  if (recipients.length > 0) return [];
  return [
    {
      severity: 'warning',
      code: 'HW_SECRET_UNDELIVERED',
      file: (secrets[0] as LayerFile).path,
      pointer: '',
      message: `nobody receives these secrets: ${folder} has no recipients.txt or recipients.${env}.txt with a key`,
      hint: `Enroll the service: headwater enroll ${service} --env ${env}`,
      service,
      env,
    },
  ];
}
