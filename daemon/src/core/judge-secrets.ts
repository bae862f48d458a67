/** What can be said of a service's secrets without opening a secrets file. */
import { type CryptoBackend, type JsonObject, toHex, utf8, valueAt } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import type { ResolvedService } from './judgement.ts';
import { tooLarge } from './parse-config.ts';
import { type ParsedLayer, placeFindings, type UnplacedFinding } from './place-problems.ts';
import { parseRecipients } from './recipients.ts';
import { planOf } from './schema-plan.ts';

/** Where a secret stands in a file that everybody may read. Its value goes nowhere. */
export function findPlainSecrets(
  inputs: ServiceInputs,
  document: JsonObject,
  layers: readonly ParsedLayer[],
  readBlob: ReadBlob,
): Promise<Finding[]> {
  const hint = `Put it into ${inputs.folder}/secrets.json with sops, remove it here, and treat the old value as known to others.`;
  const found = layers.flatMap(({ parsed, path, oid }) =>
    planOf(document).secrets.flatMap(({ pointer }): UnplacedFinding[] => {
      if (!('value' in parsed) || valueAt(parsed.value, pointer) === undefined) return [];
      const message = `${pointer} is a secret and must not be written in plain text`;
      return [{ severity: 'error', code: 'HW_SECRET_IN_CONFIG', path, oid, pointer, message, hint }];
    }),
  );
  return placeFindings(found, readBlob, inputs);
}

/** `value` is `null` without a secrets file. */
export async function judgeSecrets(
  inputs: ServiceInputs,
  document: JsonObject,
  { readBlob, crypto }: { readonly readBlob: ReadBlob; readonly crypto: CryptoBackend },
): Promise<{ readonly value: ResolvedService['secrets']; readonly findings: readonly Finding[] }> {
  const { service, env, secrets, recipients } = inputs;
  const [first] = secrets;
  if (first === undefined) return { value: null, findings: missingSecrets(inputs, document) };
  const lines = [...secrets, ...(recipients ? [recipients] : [])].map(
    ({ layer, oid }) => `${layer} ${oid}\n`,
  );
  const read = await readRecipients(inputs, readBlob);
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
  return {
    value: { rev: toHex(crypto.sha256(utf8(lines.join('')))), recipients: read.recipients },
    findings: [undelivered, ...read.findings],
  };
}

async function readRecipients({ service, env, recipients: file }: ServiceInputs, readBlob: ReadBlob) {
  if (file === null) return { recipients: [], findings: [] };
  const finding = (found: Pick<Finding, 'code' | 'message' | 'hint' | 'line'>): Finding => ({
    severity: 'error',
    file: file.path,
    pointer: '',
    ...found,
    service,
    env,
  });
  const bytes = await readWithin(readBlob, file.oid);
  if (bytes === null) return { recipients: [], findings: [finding(tooLarge())] };
  const { recipients, badLines } = parseRecipients(Buffer.from(bytes).toString('utf8'));
  const hint = 'One age public key (age1…) per line; "#" starts a comment.';
  const message = 'this line is not an age public key';
  return {
    recipients,
    findings: badLines.map((line) => finding({ code: 'HW_KEY_INVALID', message, hint, line })),
  };
}

/** Inside an object that may be absent a secret is required only with it, which the config alone does not tell. */
function missingSecrets({ service, env, folder }: ServiceInputs, document: JsonObject): Finding[] {
  const required = planOf(document).settings.filter(
    (setting) => setting.annotations.secret && setting.required,
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
