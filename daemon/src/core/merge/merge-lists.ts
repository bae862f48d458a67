/** Lists whose items have an identity (`x-hw.mergeKey`): items merge one by one, whatever their place. */
import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { conflictAt, isSame, type Maybe, type Merged, memberOf, type Sides } from './sides.ts';

type Identity = string | number;
type Items = ReadonlyMap<Identity, JsonObject>;

/**
 * `null` when one of the sides is no keyed list: an item without an identity (a text or number under `key`), or one that occurs twice.
 * Orders merge like values: one side may move items about; when both do, differently, the list as a whole is the conflict.
 */
export function mergeLists(
  sides: Sides,
  key: string,
  pointer: string,
  mergeItem: (sides: Sides) => Merged,
): Merged | null {
  const base = sides.base === undefined ? new Map() : itemsOf(sides.base, key);
  const ours = itemsOf(sides.ours, key);
  const theirs = itemsOf(sides.theirs, key);
  if (base === null || ours === null || theirs === null) return null;

  const items = new Map<Identity, Merged>();
  for (const identity of new Set([...ours.keys(), ...theirs.keys()])) {
    const item = { base: base.get(identity), ours: ours.get(identity), theirs: theirs.get(identity) };
    items.set(identity, mergeItem(item));
  }
  const stays = (identity: Identity): boolean => items.get(identity)?.value !== undefined;
  const order = mergeOrders(
    [...base.keys()],
    [...ours.keys()].filter(stays),
    [...theirs.keys()].filter(stays),
  );
  if (order === null) return { value: sides.ours, conflicts: [conflictAt(pointer, sides)] };

  const conflicts = order.flatMap((identity, index) =>
    (items.get(identity)?.conflicts ?? []).map((conflict) => ({
      ...conflict,
      pointer: `${pointer}/${index}${conflict.pointer}`,
    })),
  );
  return { value: order.map((identity) => items.get(identity)?.value as JsonValue), conflicts };
}

function itemsOf(list: Maybe, key: string): Items | null {
  if (!Array.isArray(list)) return null;
  const items = new Map<Identity, JsonObject>();
  for (const item of list as readonly JsonValue[]) {
    const identity = isObject(item) ? memberOf(item, key) : undefined;
    if (typeof identity !== 'string' && typeof identity !== 'number') return null;
    if (items.has(identity)) return null;
    items.set(identity, item as JsonObject);
  }
  return items;
}

/** `null` when both sides changed the order of what they share. */
function mergeOrders(
  base: readonly Identity[],
  ours: readonly Identity[],
  theirs: readonly Identity[],
): Identity[] | null {
  const isTheirs = within(theirs);
  const isOurs = within(ours);
  const shared = sharedOrder(base, ours.filter(isTheirs), theirs.filter(isOurs));
  if (shared === null) return null;
  const isShared = within(shared);
  const added = [runsBehind(ours, isShared), runsBehind(theirs, isShared)];
  const gap = (before: Identity | null): Identity[] =>
    added
      .map((runs) => runs.get(before) ?? [])
      .sort(byFirst)
      .flat();
  return [...gap(null), ...shared.flatMap((identity) => [identity, ...gap(identity)])];
}

/** The order of what both sides have: that of the side which changed it. */
function sharedOrder(
  base: readonly Identity[],
  ours: readonly Identity[],
  theirs: readonly Identity[],
): readonly Identity[] | null {
  if (isSame(ours, theirs)) return ours;
  const before = base.filter(within(ours));
  const isBefore = within(before);
  const keptByOurs = isSame(ours.filter(isBefore), before);
  const keptByTheirs = isSame(theirs.filter(isBefore), before);
  // Kept by both and still not the same: both added the same item, at different places.
  if (keptByOurs === keptByTheirs) return null;
  return keptByOurs ? theirs : ours;
}

/** Items that are not shared, by the shared item they follow; `null` = at the head of the list. */
function runsBehind(
  list: readonly Identity[],
  isShared: (identity: Identity) => boolean,
): Map<Identity | null, Identity[]> {
  const runs = new Map<Identity | null, Identity[]>();
  let before: Identity | null = null;
  for (const identity of list) {
    const run = runs.get(before);
    if (isShared(identity)) before = identity;
    else if (run) run.push(identity);
    else runs.set(before, [identity]);
  }
  return runs;
}

/** Neither side comes first because it is ours: the result must not depend on who merges. */
function byFirst([a = '']: readonly Identity[], [b = '']: readonly Identity[]): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function within(list: readonly Identity[]): (identity: Identity) => boolean {
  const known = new Set(list);
  return (identity) => known.has(identity);
}
