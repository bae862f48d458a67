/**
 * What a secrets file of a config repository must be, checked without any key. A file may be valid SOPS, MAC and all, and still be plain
 * text, be readable by a stranger, or say other things than its author meant: the MAC does not cover key names, types, empty values or
 * the file's path. The file's own claims count for nothing; the policy of its path does.
 */
import { FORBIDDEN_KEYS, formatPointer, isHeadwaterError } from '@headwater/schemas/protocol';
import type { FileProblem } from '../../core/parse-config.ts';
import { checkStanzas } from './check-stanzas.ts';
import { isOrderedArray, isOrderedObject, type OrderedScalar, type OrderedValue } from './ordered-json.ts';
import { parseSopsFile, type SopsFile } from './parse-sops-file.ts';
import { parseSealed } from './sealed-value.ts';
import { compileRule, type SelectionRule, type Selector, sameRule, showRule } from './selection-rule.ts';

/** What the operator wants of the files at a path; mostly the creation rule of `.sops.yaml`. */
export interface SopsPolicy {
  /** Exactly these can open it. */
  readonly recipients: readonly string[];
  readonly rule: SelectionRule;
  /** Whether the MAC may leave out values that are not encrypted. Default false. */
  readonly macOnlyEncrypted?: boolean;
  /** Whether values that the rule leaves in plain text may be there at all. Default false. */
  readonly allowPlain?: boolean;
}

/** Problems shown of one file: people mend them a few at a time. */
export const maxStructureProblems = 20;

/** @returns Nothing when the file is as the policy wants it. Pointers are of places in the file; no message shows a value. */
export function checkSopsStructure(input: Uint8Array | SopsFile, policy: SopsPolicy): readonly FileProblem[] {
  const parsed = input instanceof Uint8Array ? tryParse(input) : input;
  if ('problem' in parsed) return [parsed.problem];
  const { metadata, tree } = parsed;
  const problems = [...checkRule(metadata.rule, policy), ...checkStanzas(metadata, policy.recipients)];
  if (metadata.macOnlyEncrypted && policy.macOnlyEncrypted !== true) {
    problems.push({
      code: 'HW_SECRETS_RULE',
      pointer: '/sops/mac_only_encrypted',
      message: 'the MAC leaves out values that are not encrypted',
      hint: 'Encrypt the file again without --mac-only-encrypted, or say mac_only_encrypted in .sops.yaml.',
    });
  }
  const selector = compileRule(policy.rule);
  walk(tree, selector.atTop, [], { selector, allowPlain: policy.allowPlain === true, problems });
  return problems.slice(0, maxStructureProblems);
}

function tryParse(bytes: Uint8Array): SopsFile | { readonly problem: FileProblem } {
  try {
    return parseSopsFile(bytes);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const { code, message, hint, details } = error;
    const pointer = typeof details.pointer === 'string' ? details.pointer : '';
    return { problem: { code, pointer, message, hint: hint ?? 'Correct the file.' } };
  }
}

function checkRule(rule: SelectionRule, policy: SopsPolicy): FileProblem[] {
  if (sameRule(rule, policy.rule)) return [];
  return [
    {
      code: 'HW_SECRETS_RULE',
      pointer: `/sops/${rule.kind}`,
      message: `the file says ${showRule(rule)}, expected ${showRule(policy.rule)}`,
      hint: 'Encrypt it again by the rule of its path: sops decrypt, then sops encrypt, or headwater secrets set.',
    },
  ];
}

interface Walk {
  readonly selector: Selector;
  readonly allowPlain: boolean;
  readonly problems: FileProblem[];
}

function walk(value: OrderedValue, isEncrypted: boolean, path: (string | number)[], scene: Walk): void {
  // One more than is shown, so that nothing is hidden by chance.
  if (scene.problems.length > maxStructureProblems) return;
  if (isOrderedArray(value)) {
    for (const [index, item] of value.entries()) walk(item, isEncrypted, [...path, index], scene);
  } else if (isOrderedObject(value)) {
    for (const [key, child] of value) {
      const below = [...path, key];
      checkKey(key, below, scene);
      walk(child, scene.selector.below(key, isEncrypted), below, scene);
    }
  } else if (isEncrypted) checkSealed(value, path, scene);
  else if (!scene.allowPlain) {
    scene.problems.push({
      code: 'HW_SECRETS_PLAINTEXT',
      pointer: formatPointer(path),
      message: `${formatPointer(path)} is not encrypted, and only encrypted values belong into a secrets file`,
      hint: 'Move it into the config file. If it is a secret after all, treat it as known to others.',
    });
  }
}

function checkKey(key: string, path: readonly (string | number)[], { problems }: Walk): void {
  const pointer = formatPointer(path);
  if (FORBIDDEN_KEYS.has(key)) {
    const message = `the key "${key}" is not allowed`;
    problems.push({ code: 'HW_JSON_FORBIDDEN_KEY', pointer, message, hint: 'Rename the key.' });
  } else if (key.includes(':')) {
    problems.push({
      code: 'HW_SECRETS_KEY_NAME',
      pointer,
      message: `the key at ${pointer} contains ":", by which its value could be moved to another place unnoticed`,
      hint: 'Rename the key.',
    });
  }
}

function checkSealed(
  value: OrderedScalar | null,
  path: readonly (string | number)[],
  { problems }: Walk,
): void {
  const pointer = formatPointer(path);
  if (value === null || value === '') {
    problems.push({
      code: 'HW_SECRETS_NOT_STRING',
      pointer,
      message: `${pointer} is ${value === null ? 'null' : 'empty'}, which nothing protects from being added or removed`,
      hint: 'Give it a value, or remove it.',
    });
    return;
  }
  const sealed = typeof value === 'string' ? parseSealed(value) : 'plain';
  if (sealed === 'plain') {
    problems.push({
      code: 'HW_SECRETS_PLAINTEXT',
      pointer,
      message: `${pointer} stands in plain text`,
      hint: 'Treat it as known to others: choose a new value, and set it with sops or headwater secrets set.',
    });
  } else if (sealed === 'malformed') {
    problems.push({
      code: 'HW_SECRETS_VALUE',
      pointer,
      message: `${pointer} is not encrypted as SOPS does it: iv of 32 bytes, tag of 16, a known type`,
      hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
    });
  } else if (sealed.type !== 'str') {
    problems.push({
      code: 'HW_SECRETS_NOT_STRING',
      pointer,
      message: `${pointer} is of type ${sealed.type}, expected a string`,
      hint: 'Set it again in double quotes.',
    });
  }
}
