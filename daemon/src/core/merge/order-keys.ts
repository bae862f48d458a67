/**
 * Keys of two objects as one list: the first one's in its order, and what only the second has right beside its own neighbour, so that
 * a setting stays with the settings it was written among.
 */
export function orderKeys(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first);
  const behind = new Map<string, string[]>();
  let group: string[] = [];
  const leading = group;
  for (const key of second) {
    if (!known.has(key)) group.push(key);
    else {
      group = [];
      behind.set(key, group);
    }
  }
  const [neighbour] = behind.keys();
  const all = first.flatMap((key) => [
    ...(key === neighbour ? leading : []),
    key,
    ...(behind.get(key) ?? []),
  ]);
  return neighbour === undefined ? [...all, ...leading] : all;
}
