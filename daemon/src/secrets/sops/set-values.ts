import { formatPointer, HeadwaterError, parsePointer } from '@headwater/schemas/protocol';
import { isOrderedArray, isOrderedObject, type OrderedObject, type OrderedValue } from './ordered-json.ts';

/** New values by pointer; `null` removes what stands there. */
export type ValueChanges = ReadonlyMap<string, string | null>;

/** A tree of objects, of pointers and values. */
export function treeOf(values: ReadonlyMap<string, string>): OrderedObject {
  return setValues(new Map(), values);
}

/**
 * The tree with some values set or removed, everything else in its place. Missing objects on the way are made; an object that a removal
 * leaves empty goes too. In a list "-" or the index after the last one appends.
 * @throws HeadwaterError `HW_USAGE` for a pointer that leads through a value, or past the end of a list.
 */
export function setValues(tree: OrderedObject, changes: ValueChanges): OrderedObject {
  let changed: OrderedValue = tree;
  for (const [pointer, value] of changes) {
    const path = parsePointer(pointer);
    if (path.length === 0) throw misplaced(pointer, 'it names the whole file');
    changed = set(changed, path, 0, value) ?? new Map();
  }
  return changed as OrderedObject;
}

/** @returns `undefined` when a removal leaves nothing of the container. */
function set(
  container: OrderedValue | undefined,
  path: readonly string[],
  depth: number,
  value: string | null,
): OrderedValue | undefined {
  if (depth === path.length) return value ?? undefined;
  if (container === undefined && value === null) return undefined;
  if (isOrderedArray(container)) return setItem(container, path, depth, value);
  if (container !== undefined && !isOrderedObject(container)) {
    throw misplaced(formatPointer(path), `${formatPointer(path.slice(0, depth))} is a value, not an object`);
  }
  const key = path[depth] as string;
  const members = new Map(container);
  const child = set(members.get(key), path, depth + 1, value);
  if (child === undefined) members.delete(key);
  else members.set(key, child);
  return members.size === 0 && value === null ? undefined : members;
}

function setItem(
  items: readonly OrderedValue[],
  path: readonly string[],
  depth: number,
  value: string | null,
): OrderedValue | undefined {
  const part = path[depth] as string;
  const index = part === '-' ? items.length : /^(?:0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  if (!(index <= items.length)) {
    throw misplaced(
      formatPointer(path),
      `${formatPointer(path.slice(0, depth))} is a list of ${items.length}`,
    );
  }
  const child = set(items[index], path, depth + 1, value);
  const after = items.slice(index + 1);
  const changed = [...items.slice(0, index), ...(child === undefined ? [] : [child]), ...after];
  return changed.length === 0 && value === null ? undefined : changed;
}

function misplaced(pointer: string, reason: string): HeadwaterError {
  return new HeadwaterError('HW_USAGE', {
    message: `nothing can be set at ${pointer === '' ? '""' : pointer}: ${reason}`,
    hint: 'Name a value: /password, /db/password, /tokens/0.',
    details: { pointer },
  });
}
