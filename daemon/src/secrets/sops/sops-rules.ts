/** `.sops.yaml`: which keys, and which selection rule, the `sops` command uses for a new file. */

import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { isRecipient } from '../age/recipient.ts';
import {
  compilePattern,
  compileRule,
  defaultRule,
  type SelectionRule,
  selectionKinds,
} from './selection-rule.ts';
import { parseSmallYaml } from './small-yaml.ts';

export interface CreationRule {
  /** From 0, in the order of the file. */
  readonly index: number;
  /** RE2 pattern, or `null` for every path. */
  readonly pathRegex: string | null;
  /** Public keys `age1…`, each once. */
  readonly recipients: readonly string[];
  readonly rule: SelectionRule;
  readonly macOnlyEncrypted: boolean;
  /** Why files of this rule cannot be secrets of Headwater; `null` when they can. Other rules are not affected. */
  readonly unsupported: string | null;
}

export interface CreationRules {
  readonly rules: readonly CreationRule[];
  /** The first rule that fits; `null` when none does. @param path From the folder of `.sops.yaml`, slash-separated. */
  ruleFor(path: string): CreationRule | null;
}

/**
 * Reads the subset that Headwater understands: `creation_rules` with `path_regex`, `age`, one selection rule and `mac_only_encrypted`.
 * @throws HeadwaterError `HW_SOPS_RULES`, with `details.rule`: the index of the rule it is about, if it is about one.
 */
export function parseSopsYaml(text: string): CreationRules {
  const document = parseSmallYaml(text) ?? {};
  if (!isRecord(document)) throw wrong('the file is not a list of settings');
  const list = document.creation_rules ?? [];
  if (!Array.isArray(list)) throw wrong('creation_rules is not a list');
  if (list.length > maxRules) throw wrong(`it has ${list.length} rules, expected ${maxRules} at most`);
  const rules = list.map(creationRule);
  const matchers = rules.map(({ pathRegex }, index) =>
    pathRegex === null ? () => true : matcher(pathRegex, index),
  );
  return { rules, ruleFor: (path) => rules[matchers.findIndex((matches) => matches(path))] ?? null };
}

const maxRules = 1000;

function creationRule(value: unknown, index: number): CreationRule {
  if (!isRecord(value)) throw wrong('it is not a list of settings', index);
  const pathRegex = stringOf(value, 'path_regex', index);
  const { recipients, strangers } = recipientsOf(value.age ?? [], index);
  const rule = selectionRule(value, index);
  const unsupported =
    unsupportedOf(value, strangers) ??
    (recipients.length === 0
      ? 'it names no age key'
      : isUsable(rule)
        ? null
        : `${rule.kind} is not RE2 syntax`);
  return {
    index,
    pathRegex: pathRegex === '' ? null : pathRegex,
    recipients,
    rule,
    macOnlyEncrypted: value.mac_only_encrypted === true,
    unsupported,
  };
}

/** `age: a, b`, or a list. */
function recipientsOf(value: unknown, index: number) {
  const texts = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(texts) || !texts.every((text): text is string => typeof text === 'string')) {
    throw wrong('age is neither text nor a list of texts', index);
  }
  const keys = [...new Set(texts.flatMap((text) => text.split(',')).map((text) => text.trim()))].filter(
    (key) => key !== '',
  );
  return { recipients: keys.filter(isRecipient), strangers: keys.filter((key) => !isRecipient(key)) };
}

function selectionRule(value: Fields, index: number): SelectionRule {
  const rules = selectionKinds.flatMap((kind) => {
    const text = stringOf(value, kind, index);
    return text === '' ? [] : [{ kind, text }];
  });
  if (rules.length > 1) throw wrong(`it has ${rules.length} selection rules, expected one`, index);
  return rules[0] ?? defaultRule;
}

/** Where else `.sops.yaml` names keys. */
const otherKeys = ['pgp', 'kms', 'gcp_kms', 'azure_keyvault', 'hc_vault_transit_uri', 'hckms'];

function unsupportedOf(value: Fields, strangers: readonly string[]): string | null {
  if (isGiven(value.key_groups)) return 'it asks for keys of several groups (key_groups)';
  const other = otherKeys.find((field) => isGiven(value[field]));
  if (other !== undefined) return `it names keys of another kind (${other})`;
  if (strangers.length > 0)
    return `${JSON.stringify(strangers[0]?.slice(0, 80))} is no age public key (X25519)`;
  const comment = ['unencrypted_comment_regex', 'encrypted_comment_regex'].find((field) =>
    isGiven(value[field]),
  );
  return comment === undefined ? null : `it selects values by comments, which JSON has not (${comment})`;
}

function isUsable(rule: SelectionRule): boolean {
  try {
    compileRule(rule);
    return true;
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    return false;
  }
}

function matcher(pattern: string, index: number): (path: string) => boolean {
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    throw wrong('path_regex is not RE2 syntax', index);
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

function stringOf(value: Fields, field: string, index: number): string {
  const text = value[field] ?? '';
  if (typeof text !== 'string') throw wrong(`${field} is not a text`, index);
  return text;
}

function wrong(what: string, index?: number): HeadwaterError {
  const where = index === undefined ? '' : `creation rule ${index + 1}: `;
  return new HeadwaterError('HW_SOPS_RULES', {
    message: `.sops.yaml cannot be used: ${where}${what}`,
    hint: 'A rule has path_regex, age (public keys), and at most one of unencrypted_suffix, encrypted_suffix, unencrypted_regex, encrypted_regex.',
    ...(index === undefined ? {} : { details: { rule: index } }),
  });
}
