import { HeadwaterError } from '@headwater/schemas/protocol';
import { type AgeStanza, maxStanzas, type SopsMetadata } from './metadata.ts';
import {
  isOrderedArray,
  isOrderedObject,
  type OrderedArray,
  type OrderedObject,
  type OrderedValue,
} from './ordered-json.ts';
import { parseSealed } from './sealed-value.ts';
import { defaultRule, type SelectionRule, selectionKinds } from './selection-rule.ts';
import { canonicalSopsTime } from './sops-time.ts';

/**
 * Reads the `sops` member as SOPS 3.5 to 3.13 write it: fields in any order, `null` or nothing for an empty list. Fields that SOPS does
 * not know are left out, as SOPS itself leaves them out of its next save.
 * @throws HeadwaterError `HW_SECRETS_METADATA` (incomplete or malformed), `HW_SECRETS_UNSUPPORTED` (key groups, rules by comment).
 */
export function parseMetadata(sops: OrderedValue): SopsMetadata {
  if (!isOrderedObject(sops)) throw malformed('', 'it is not an object');
  refuseUnsupported(sops);
  const age = list(sops, 'age').map(ageStanza);
  const foreign = foreignStanzas(sops);
  const count = age.length + [...foreign.values()].reduce((sum, stanzas) => sum + stanzas.length, 0);
  if (count === 0) throw malformed('/age', 'no key can open the file');
  if (count > maxStanzas)
    throw malformed('', `${count} keys can open the file, expected ${maxStanzas} at most`);
  return {
    age,
    foreign,
    lastModified: checked(
      sops,
      'lastmodified',
      'an RFC 3339 time',
      (text) => canonicalSopsTime(text) !== null,
    ),
    mac: checked(sops, 'mac', 'an encrypted value', (mac) => typeof parseSealed(mac) === 'object'),
    rule: selectionRule(sops),
    macOnlyEncrypted: flag(sops, 'mac_only_encrypted'),
    version: checked(sops, 'version', 'a version number', (text) => version.test(text)),
  };
}

const version = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+-]{1,100})?$/;

function refuseUnsupported(sops: OrderedObject): void {
  if (list(sops, 'key_groups').length > 0) {
    throw unsupported(
      '/key_groups',
      'the file needs keys of several groups at once (Shamir key groups)',
      'Encrypt it with one group of age keys: remove key_groups from .sops.yaml, then run sops updatekeys.',
    );
  }
  for (const field of ['unencrypted_comment_regex', 'encrypted_comment_regex']) {
    if (text(sops, field) === '') continue;
    const hint = 'JSON has no comments: choose values by the names of their keys.';
    throw unsupported(`/${field}`, `the file selects values by comments (${field})`, hint);
  }
}

function selectionRule(sops: OrderedObject): SelectionRule {
  const rules = selectionKinds.flatMap((kind) => {
    const rule = text(sops, kind);
    return rule === '' ? [] : [{ kind, text: rule }];
  });
  if (rules.length > 1) {
    throw malformed(
      '',
      `it has ${rules.length} selection rules (${rules.map(({ kind }) => kind).join(', ')})`,
    );
  }
  return rules[0] ?? defaultRule;
}

function ageStanza(stanza: OrderedValue, index: number): AgeStanza {
  const pointer = `/age/${index}`;
  if (!isOrderedObject(stanza)) throw malformed(pointer, 'it is not an object');
  const recipient = stanza.get('recipient');
  const enc = stanza.get('enc');
  if (typeof recipient !== 'string' || recipient === '')
    throw malformed(`${pointer}/recipient`, 'it is missing');
  if (typeof enc !== 'string' || enc === '') throw malformed(`${pointer}/enc`, 'it is missing');
  return { recipient, enc };
}

/** Lists other than ours: those known today, and any other list of objects, so that no version's keys are lost. */
function foreignStanzas(sops: OrderedObject): ReadonlyMap<string, OrderedArray> {
  const found = new Map<string, OrderedArray>();
  for (const [field, value] of sops) {
    if (field !== 'age' && isOrderedArray(value) && value.length > 0) found.set(field, value);
  }
  return found;
}

function list(sops: OrderedObject, field: string): OrderedArray {
  const value = sops.get(field) ?? null;
  if (value === null) return [];
  if (!isOrderedArray(value)) throw malformed(`/${field}`, 'it is not a list');
  return value;
}

function text(sops: OrderedObject, field: string): string {
  const value = sops.get(field) ?? '';
  if (typeof value !== 'string') throw malformed(`/${field}`, 'it is not a string');
  return value;
}

function flag(sops: OrderedObject, field: string): boolean {
  const value = sops.get(field) ?? false;
  if (typeof value !== 'boolean') throw malformed(`/${field}`, 'it is neither true nor false');
  return value;
}

function checked(sops: OrderedObject, field: string, what: string, test: (text: string) => boolean): string {
  const value = text(sops, field);
  if (value === '') throw malformed(`/${field}`, 'it is missing');
  if (!test(value)) throw malformed(`/${field}`, `it is not ${what}`);
  return value;
}

function malformed(pointer: string, what: string): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_METADATA', {
    message: `the SOPS metadata is not right at /sops${pointer}: ${what}`,
    hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
    details: { pointer: `/sops${pointer}` },
  });
}

function unsupported(pointer: string, message: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_UNSUPPORTED', {
    message,
    hint,
    details: { pointer: `/sops${pointer}` },
  });
}
