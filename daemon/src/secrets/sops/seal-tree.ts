import { HeadwaterError } from '@headwater/schemas/protocol';
import { MacBuilder } from './mac.ts';
import { NumberText, type OrderedObject, type OrderedScalar } from './ordered-json.ts';
import { refuseRiskyNumber, scalarText } from './scalar.ts';
import { sealedPrefix, sealText } from './sealed-value.ts';
import type { Selector } from './selection-rule.ts';
import { mapLeaves } from './walk-leaves.ts';

/** A value as it stands encrypted in an earlier version of the file, under the same data key. */
export interface SealedLeaf {
  readonly aad: string;
  readonly value: OrderedScalar;
  readonly sealed: string;
}

export interface SealingKey {
  readonly dataKey: Uint8Array;
  /** Kept for values that did not change, so that a diff shows only those that did. */
  readonly reuse: readonly SealedLeaf[];
}

/**
 * Encrypts the values that the rule selects.
 * @returns The tree as it goes into the file, and the MAC in plain.
 * @throws HeadwaterError `HW_SECRETS_NUMBER`, `HW_SECRETS_VALUE`.
 */
export function sealTree(
  tree: OrderedObject,
  selector: Selector,
  macOnlyEncrypted: boolean,
  { dataKey, reuse }: SealingKey,
): { readonly tree: OrderedObject; readonly mac: string } {
  const mac = new MacBuilder(macOnlyEncrypted);
  const kept = createReuse(reuse);
  const sealed = mapLeaves(tree, selector, (value, { isEncrypted, aad, pointer }) => {
    const scalar = scalarText(value);
    mac.add(isEncrypted, { text: scalar.text });
    // SOPS stores the empty string as it is.
    if (value === '') return value;
    if (!isEncrypted) {
      refuseRiskyNumber(value, pointer());
      if (typeof value === 'string' && value.startsWith(sealedPrefix)) throw looksSealed(pointer());
      return value;
    }
    const known = kept(aad, value);
    if (known !== undefined) return known;
    refuseRiskyNumber(value, pointer());
    return sealText(scalar.type, scalar.text, aad, dataKey);
  });
  return { tree: sealed, mac: mac.digest() };
}

/**
 * Hands out each encrypted value once, in document order. Equal values of one list get one each: sharing one would show that they are
 * equal.
 */
function createReuse(
  leaves: readonly SealedLeaf[],
): (aad: string, value: OrderedScalar) => string | undefined {
  const known = new Map<string, Set<string>>();
  for (const { aad, value, sealed } of leaves) {
    const id = identify(aad, value);
    const same = known.get(id);
    if (same) same.add(sealed);
    else known.set(id, new Set([sealed]));
  }
  return (aad, value) => {
    const same = known.get(identify(aad, value));
    for (const sealed of same ?? []) {
      same?.delete(sealed);
      return sealed;
    }
    return undefined;
  };
}

function identify(aad: string, value: OrderedScalar): string {
  const content = value instanceof NumberText ? `number ${value.text}` : `${typeof value} ${value}`;
  // The length keeps a key that ends in what looks like a value apart from that value.
  return `${aad.length} ${aad}${content}`;
}

function looksSealed(pointer: string): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_VALUE', {
    message: `the value at ${pointer} stays in plain text but looks like an encrypted one`,
    hint: 'Decrypt it first, or rename its key so that the rule encrypts it.',
    details: { pointer },
  });
}
