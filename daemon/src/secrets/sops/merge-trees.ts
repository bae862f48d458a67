import { formatPointer } from '@headwater/schemas/protocol';
import { isOrderedObject, type OrderedObject, type OrderedValue, sameOrdered } from './ordered-json.ts';

/** What a side did to a place since the common base. */
export type SideChange = 'added' | 'changed' | 'removed';

/** A place that both sides changed, differently. Never shows a value. */
export interface SecretConflict {
  readonly pointer: string;
  readonly ours: SideChange;
  readonly theirs: SideChange;
}

/**
 * Three-way merge by keys; lists are taken whole. Where both sides changed the same thing differently it is a conflict, and ours stands
 * in the tree.
 * @param base `undefined` when there is no common ancestor.
 */
export function mergeTrees(
  base: OrderedObject | undefined,
  ours: OrderedObject,
  theirs: OrderedObject,
): { readonly tree: OrderedObject; readonly conflicts: readonly SecretConflict[] } {
  const conflicts: SecretConflict[] = [];
  const tree = mergeObjects(base ?? new Map(), ours, theirs, [], conflicts);
  return { tree, conflicts };
}

type Sides = readonly [
  base: OrderedValue | undefined,
  ours: OrderedValue | undefined,
  theirs: OrderedValue | undefined,
];

function mergeValues(
  [base, ours, theirs]: Sides,
  path: string[],
  conflicts: SecretConflict[],
): OrderedValue | undefined {
  if (sameOrdered(ours, theirs) || sameOrdered(base, theirs)) return ours;
  if (sameOrdered(base, ours)) return theirs;
  if (isOrderedObject(ours) && isOrderedObject(theirs)) {
    return mergeObjects(isOrderedObject(base) ? base : new Map(), ours, theirs, path, conflicts);
  }
  conflicts.push({ pointer: formatPointer(path), ours: change(base, ours), theirs: change(base, theirs) });
  return ours;
}

function mergeObjects(
  base: OrderedObject,
  ours: OrderedObject,
  theirs: OrderedObject,
  path: string[],
  conflicts: SecretConflict[],
): OrderedObject {
  const merged = new Map<string, OrderedValue>();
  for (const key of keysInOrder(ours, theirs)) {
    path.push(key);
    const value = mergeValues([base.get(key), ours.get(key), theirs.get(key)], path, conflicts);
    path.pop();
    if (value !== undefined) merged.set(key, value);
  }
  return merged;
}

/** Our keys in our order; each key that only they have comes after the one that precedes it there. */
function keysInOrder(ours: OrderedObject, theirs: OrderedObject): readonly string[] {
  const following = new Map<string | null, string[]>();
  let previous: string | null = null;
  for (const key of theirs.keys()) {
    if (ours.has(key)) {
      previous = key;
      continue;
    }
    const list = following.get(previous);
    if (list) list.push(key);
    else following.set(previous, [key]);
  }
  const after = (key: string | null) => following.get(key) ?? [];
  return [...after(null), ...[...ours.keys()].flatMap((key) => [key, ...after(key)])];
}

function change(base: OrderedValue | undefined, side: OrderedValue | undefined): SideChange {
  if (side === undefined) return 'removed';
  return base === undefined ? 'added' : 'changed';
}
