/** Secrets files as the rules want them: opened for new recipients, closed for those who left, or under new data keys. */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { classifyPath } from '../../core/layout.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import type { FileEdit } from '../../ports.ts';
import type { Identity } from '../../secrets/age/identity.ts';
import { editSopsRules, type RulesChange } from '../../secrets/sops/edit-sops-rules.ts';
import { openSopsFile } from '../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { rotateDataKey, setSopsRecipients } from '../../secrets/sops/recipients.ts';
import { type CreationRules, parseSopsYaml } from '../../secrets/sops/sops-rules.ts';
import type { ConfigRepository } from '../config-repository.ts';
import { inFile } from '../in-file.ts';
import { cannotEdit } from './identities.ts';

export interface RotateRequest {
  /** Change of `.sops.yaml`; none brings the files in step with it as it is. */
  readonly rules?: Omit<RulesChange, 'only'> & {
    /** Only the rule for this path. Default: every rule. */
    readonly path?: string;
  };
  /** Every file gets a new data key. Default: those that somebody could open who shall not any more. */
  readonly dataKeys?: boolean;
}

export interface RotatedFile {
  readonly file: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly newDataKey: boolean;
}

export interface Rotation {
  readonly edits: readonly FileEdit[];
  readonly files: readonly RotatedFile[];
}

const rulesPath = '.sops.yaml';

/** @throws HeadwaterError `HW_SECRETS_NO_IDENTITY` naming the first file that cannot be opened, `HW_SOPS_RULES`, and as `rotateDataKey`. */
export async function rotateFiles(
  repository: ConfigRepository,
  { rules: change, dataKeys = false }: RotateRequest,
  identities: readonly Identity[],
  now: Date,
): Promise<Rotation> {
  const text = Buffer.from((await repository.read(rulesPath)) ?? noRules()).toString('utf8');
  const changed =
    change === undefined ? text : editSopsRules(text, { ...change, ...onlyRule(text, change.path) });
  const rules = parseSopsYaml(changed);
  const edits: FileEdit[] = changed === text ? [] : [{ path: rulesPath, content: Buffer.from(changed) }];
  const files: RotatedFile[] = [];
  for (const { path, oid } of await repository.files()) {
    if (classifyPath(path).kind !== 'secrets') continue;
    const bytes = await repository.reader.readBlob(oid, maxFileBytes);
    const rotated = await inFile(path, () => rotateFile(path, bytes, rules, { dataKeys, identities, now }));
    if (rotated === null) continue;
    edits.push({ path, content: rotated.content });
    files.push(rotated.file);
  }
  return { edits, files };
}

async function rotateFile(
  path: string,
  bytes: Uint8Array,
  rules: CreationRules,
  { dataKeys, identities, now }: { dataKeys: boolean; identities: readonly Identity[]; now: Date },
): Promise<{ content: Uint8Array; file: RotatedFile } | null> {
  const rule = rules.ruleFor(path);
  if (rule === null || rule.unsupported !== null) {
    throw new HeadwaterError('HW_SOPS_RULES', {
      message:
        rule === null
          ? 'no creation rule of .sops.yaml fits its path'
          : `its creation rule cannot be used: ${rule.unsupported}`,
      hint: 'Correct .sops.yaml first.',
    });
  }
  const file = parseSopsFile(bytes);
  const before = file.metadata.age.map(({ recipient }) => recipient);
  const added = rule.recipients.filter((key) => !before.includes(key));
  const removed = before.filter((key) => !rule.recipients.includes(key));
  const newDataKey = dataKeys || removed.length > 0;
  if (added.length === 0 && !newDataKey) return null;
  using opened = await openSopsFile(file, { identities }).catch((error: unknown) => {
    throw isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY') ? cannotEdit('it', error) : error;
  });
  const content = newDataKey
    ? await rotateDataKey(opened, { now, recipients: rule.recipients })
    : await setSopsRecipients(opened, rule.recipients);
  return { content, file: { file: path, added, removed, newDataKey } };
}

function onlyRule(text: string, path: string | undefined): Pick<RulesChange, 'only'> {
  if (path === undefined) return {};
  const rule = parseSopsYaml(text).ruleFor(path);
  if (rule !== null) return { only: rule.index };
  throw new HeadwaterError('HW_SOPS_RULES', {
    message: `no creation rule of .sops.yaml fits ${path}`,
    hint: 'Name a secrets file, from the root of the repository: services/llm-worker/secrets.prod.json.',
  });
}

function noRules(): never {
  throw new HeadwaterError('HW_SOPS_RULES', {
    message: 'the repository has no .sops.yaml',
    hint: 'Add one with a rule that names the key of your daemon (headwater keys show); headwater init writes it.',
  });
}
