import { HeadwaterError } from '@headwater/schemas/protocol';
import type { OrderedObject } from './ordered-json.ts';
import { sealedPrefix } from './sealed-value.ts';
import { compileRule, defaultRule, type SelectionRule, showRule } from './selection-rule.ts';
import { eachLeaf } from './walk-leaves.ts';

/**
 * Refuses a file whose own rule defeats its purpose, before any key is used. Both are valid SOPS, MAC and all: a rule that leaves every
 * value in plain text, and one that takes encrypted values for plain ones.
 * @param tree Values as they stand in the file.
 * @throws HeadwaterError `HW_SECRETS_PLAINTEXT`, `HW_SECRETS_RULE`, `HW_SECRETS_UNSUPPORTED`.
 */
export function refuseMisleadingRule(tree: OrderedObject, rule: SelectionRule): void {
  let hasEncrypted = false;
  eachLeaf(tree, compileRule(rule), (value, { isEncrypted, pointer }) => {
    if (value === '') return;
    if (isEncrypted) hasEncrypted = true;
    else if (typeof value === 'string' && value.startsWith(sealedPrefix))
      throw takenForPlain(pointer(), rule);
  });
  if (hasEncrypted) return;
  // A key that says it is not encrypted means it.
  eachLeaf(tree, compileRule(defaultRule), (value, { isEncrypted: isUnmarked, pointer }) => {
    if (value !== '' && isUnmarked) throw allPlain(pointer(), rule);
  });
}

function allPlain(pointer: string, rule: SelectionRule): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_PLAINTEXT', {
    message: `no value is encrypted: the file's own rule (${showRule(rule)}) leaves all of them in plain text`,
    hint: `Treat the values as known to others: choose new ones, and encrypt the file with the rule ${showRule(defaultRule)}.`,
    details: { pointer },
  });
}

function takenForPlain(pointer: string, rule: SelectionRule): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_RULE', {
    message: `the value at ${pointer} is encrypted, but the file's own rule (${showRule(rule)}) says it is not`,
    hint: 'The rule was changed after the file was encrypted: take the file from the last good commit.',
    details: { pointer },
  });
}
