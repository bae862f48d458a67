/** `.sops.yaml` with other recipients, everything else as its author wrote it. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { type Document, isMap, isScalar, isSeq, parseDocument, type Scalar, type YAMLSeq } from 'yaml';
import { isRecipient } from '../age/recipient.ts';
import { parseSopsYaml } from './sops-rules.ts';

export interface RulesChange {
  /** Public key to add, and who it belongs to. */
  readonly add?: { readonly recipient: string; readonly name?: string };
  /** Public keys to take away. */
  readonly remove?: ReadonlySet<string>;
  /** Index of the rule that is changed. Default: every rule. */
  readonly only?: number;
}

/**
 * @throws HeadwaterError `HW_SOPS_RULES` when the file cannot be read, or a rule would be left without any key; `HW_KEY_INVALID`.
 */
export function editSopsRules(text: string, { add, remove = new Set(), only }: RulesChange): string {
  if (add !== undefined && !isRecipient(add.recipient)) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `${JSON.stringify(add.recipient.slice(0, 80))} is not an age public key`,
      hint: 'It reads age1 and 58 characters; age-keygen -y prints that of an identity.',
    });
  }
  const before = parseSopsYaml(text); // refuses what the library would take, too
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  for (const { index, recipients } of before.rules) {
    if (only !== undefined && index !== only) continue;
    const kept = recipients.filter((recipient) => !remove.has(recipient));
    const isNew = add !== undefined && !kept.includes(add.recipient);
    if (!isNew && kept.length === recipients.length) continue;
    if (kept.length === 0 && !isNew) {
      throw new HeadwaterError('HW_SOPS_RULES', {
        message: `creation rule ${index + 1} would name no key any more: nobody could open its files`,
        hint: 'Add another key first: headwater secrets rotate --recipient age1…',
        details: { rule: index },
      });
    }
    setKeys(document, index, remove, isNew ? add : undefined);
  }
  const after = document.toString({ lineWidth: 0 });
  parseSopsYaml(after);
  return after;
}

function setKeys(
  document: Document,
  index: number,
  remove: ReadonlySet<string>,
  add: RulesChange['add'],
): void {
  const path = ['creation_rules', index, 'age'];
  const rule = document.getIn(['creation_rules', index], true);
  if (!isMap(rule)) throw new Error('a rule that was read is no map');
  const node = document.getIn(path, true);
  const list: YAMLSeq = isSeq(node) ? node : (document.createNode([]) as YAMLSeq);
  if (!isSeq(node)) {
    const keys = isScalar(node) && typeof node.value === 'string' ? node.value.split(',') : [];
    for (const key of keys) if (key.trim() !== '') list.add(document.createNode(key.trim()));
    if (isScalar(node) && node.comment) list.commentBefore = node.comment;
    document.setIn(path, list);
  }
  list.items = list.items.flatMap((item) => {
    // An item may itself hold several keys.
    if (!isScalar(item) || typeof item.value !== 'string') return [item];
    const keys = item.value.split(',').map((key) => key.trim());
    const kept = keys.filter((key) => !remove.has(key));
    if (kept.length === 0) return [];
    if (kept.length < keys.length) item.value = kept.join(',');
    return [item];
  });
  if (add === undefined) return;
  const item = document.createNode(add.recipient) as Scalar;
  if (add.name !== undefined) item.comment = ` ${add.name.replace(/[\r\n]+/g, ' ')}`;
  list.add(item);
}
