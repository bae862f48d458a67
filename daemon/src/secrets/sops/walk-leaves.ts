import { formatPointer } from '@headwater/schemas/protocol';
import {
  isOrderedArray,
  isOrderedObject,
  type OrderedObject,
  type OrderedScalar,
  type OrderedValue,
} from './ordered-json.ts';
import type { Selector } from './selection-rule.ts';

/** Where a value stands. */
export interface LeafPlace {
  /** Whether the rule encrypts it. */
  readonly isEncrypted: boolean;
  /** Keys above it, each followed by ":"; indexes of lists are not in it. Bound to the value when it is encrypted. */
  readonly aad: string;
  pointer(): string;
}

/** Replaces every value of a tree, in document order; `null` and empty containers stay. */
export function mapLeaves(
  tree: OrderedObject,
  selector: Selector,
  replace: (value: OrderedScalar, place: LeafPlace) => OrderedScalar,
): OrderedObject {
  const path: (string | number)[] = [];
  const pointer = () => formatPointer(path);
  const below = (
    part: string | number,
    value: OrderedValue,
    isEncrypted: boolean,
    aad: string,
  ): OrderedValue => {
    path.push(part);
    const replaced = walk(value, isEncrypted, aad);
    path.pop();
    return replaced;
  };
  const inObject = (object: OrderedObject, isEncrypted: boolean, aad: string): OrderedObject => {
    const copy = new Map<string, OrderedValue>();
    for (const [key, child] of object)
      copy.set(key, below(key, child, selector.below(key, isEncrypted), `${aad}${key}:`));
    return copy;
  };
  const walk = (value: OrderedValue, isEncrypted: boolean, aad: string): OrderedValue => {
    if (value === null) return null;
    if (isOrderedArray(value)) return value.map((item, index) => below(index, item, isEncrypted, aad));
    if (isOrderedObject(value)) return inObject(value, isEncrypted, aad);
    return replace(value, { isEncrypted, aad, pointer });
  };
  return inObject(tree, selector.atTop, '');
}

/** Visits every value of a tree in document order. */
export function eachLeaf(
  tree: OrderedObject,
  selector: Selector,
  visit: (value: OrderedScalar, place: LeafPlace) => void,
): void {
  mapLeaves(tree, selector, (value, place) => {
    visit(value, place);
    return value;
  });
}
