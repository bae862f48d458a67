/**
 * Keys of two objects as one list: the first one's in its order, and what only the second has in front of the key it was written in
 * front of, so that a setting stays with the settings it belongs to. What the second has at its end comes last.
 */
export function orderKeys(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first);
  const inFront = new Map<string, string[]>();
  let group: string[] = [];
  for (const key of second) {
    if (!known.has(key)) group.push(key);
    else {
      inFront.set(key, group);
      group = [];
    }
  }
  return [...first.flatMap((key) => [...(inFront.get(key) ?? []), key]), ...group];
}
