/**
 * Keys of two objects as one list: the first one's in its order, and what only the second has right behind its own neighbour, so that
 * a setting stays beside the settings it was written next to.
 */
export function orderKeys(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first);
  const behind = new Map<string | null, string[]>();
  let neighbour: string | null = null;
  for (const key of second) {
    if (known.has(key)) {
      neighbour = key;
      continue;
    }
    const group = behind.get(neighbour);
    if (group) group.push(key);
    else behind.set(neighbour, [key]);
  }
  return [...(behind.get(null) ?? []), ...first.flatMap((key) => [key, ...(behind.get(key) ?? [])])];
}
