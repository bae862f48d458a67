import { equalValues, type JsonValue } from '@headwater/schemas/protocol';

/**
 * For each wanted item of a list, the old item whose text it may keep or change, or `null` when it is new; every old item is used at
 * most once. Equal ones are found first, at both ends and then wherever they are; what is left over is paired in its order.
 */
export function alignItems(old: readonly JsonValue[], wanted: readonly JsonValue[]): (number | null)[] {
  const pairs: (number | null)[] = wanted.map(() => null);
  const shorter = Math.min(old.length, wanted.length);
  const isEqual = (i: number, j: number) => equalValues(old[i] as JsonValue, wanted[j] as JsonValue);
  let head = 0;
  for (; head < shorter && isEqual(head, head); head++) pairs[head] = head;
  let tail = 0;
  for (; tail < shorter - head && isEqual(old.length - 1 - tail, wanted.length - 1 - tail); tail++)
    pairs[wanted.length - 1 - tail] = old.length - 1 - tail;

  const places = new Map<string, number[]>();
  const free = new Set<number>();
  for (let i = head; i < old.length - tail; i++) {
    free.add(i);
    const text = JSON.stringify(old[i]);
    const same = places.get(text);
    if (same) same.push(i);
    else places.set(text, [i]);
  }
  const left: number[] = [];
  for (let j = head; j < wanted.length - tail; j++) {
    const found = places.get(JSON.stringify(wanted[j]))?.shift();
    if (found === undefined) left.push(j);
    else {
      pairs[j] = found;
      free.delete(found);
    }
  }
  const rest = [...free];
  // As many as before: they were changed in place. Otherwise nobody can say which became which.
  if (rest.length === left.length)
    left.forEach((j, i) => {
      pairs[j] = rest[i] as number;
    });
  return pairs;
}
