import type { SecretConflict } from './merge-trees.ts';
import type { SopsMetadata } from './metadata.ts';
import type { OrderedArray } from './ordered-json.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { type SelectionRule, sameRule } from './selection-rule.ts';

export interface MergedSettings {
  readonly recipients: readonly string[];
  readonly foreign: ReadonlyMap<string, OrderedArray>;
  readonly rule: SelectionRule;
  readonly macOnlyEncrypted: boolean;
  readonly conflicts: readonly SecretConflict[];
}

/**
 * Three-way merge of what a file says beside its values. A recipient stays unless one side took it away, and comes when one side added
 * it; two sides that changed the rule, or other keys, differently are a conflict.
 */
export function mergeSettings(
  base: SopsMetadata | undefined,
  ours: SopsMetadata,
  theirs: SopsMetadata,
): MergedSettings {
  const conflicts: SecretConflict[] = [];
  function either<T>(pointer: string, of: (side: SopsMetadata) => T, same: (a: T, b: T) => boolean): T {
    const [our, their] = [of(ours), of(theirs)];
    if (same(our, their) || (base !== undefined && same(of(base), their))) return our;
    if (base === undefined || !same(of(base), our)) {
      conflicts.push({ pointer: `/sops${pointer}`, ours: 'changed', theirs: 'changed' });
    }
    return their;
  }
  return {
    recipients: mergeRecipients(base, ours, theirs),
    foreign: either('', (side) => side.foreign, sameForeign),
    rule: either(`/${ours.rule.kind}`, (side) => side.rule, sameRule),
    macOnlyEncrypted: either('/mac_only_encrypted', (side) => side.macOnlyEncrypted, Object.is),
    conflicts,
  };
}

/** True when both hold the same stanzas for keys of other kinds. */
export function sameForeign(a: SopsMetadata['foreign'], b: SopsMetadata['foreign']): boolean {
  const [one, other] = [a, b].map((foreign) => printOrderedJson(new Map([...foreign].sort())));
  return one === other;
}

function mergeRecipients(
  base: SopsMetadata | undefined,
  ours: SopsMetadata,
  theirs: SopsMetadata,
): readonly string[] {
  const [before, our, their] = [base, ours, theirs].map(
    (side) => new Set(side?.age.map(({ recipient }) => recipient) ?? []),
  ) as [Set<string>, Set<string>, Set<string>];
  return [...new Set([...our, ...their])].filter((recipient) =>
    // Known before: whoever took it away meant it.
    before.has(recipient) ? our.has(recipient) && their.has(recipient) : true,
  );
}
