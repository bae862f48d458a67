/** A run of lines that differs: `ours[from, to)` stands where `theirs[from, to)` stands. */
export interface Hunk {
  readonly ours: Range;
  readonly theirs: Range;
}

/** Line numbers from 0, the end not included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Above this many differing lines the search for what is common between them is not worth its square cost: they are one hunk. */
const maxEdits = 400;

/** Where two texts differ, line by line, in their order (Myers' greedy algorithm). */
export function lineHunks(ours: readonly string[], theirs: readonly string[]): Hunk[] {
  const shorter = Math.min(ours.length, theirs.length);
  let head = 0;
  while (head < shorter && ours[head] === theirs[head]) head++;
  let tail = 0;
  while (tail < shorter - head && ours.at(-1 - tail) === theirs.at(-1 - tail)) tail++;
  const a = ours.slice(head, ours.length - tail);
  const b = theirs.slice(head, theirs.length - tail);
  if (a.length === 0 && b.length === 0) return [];
  const common = commonLines(a, b) ?? [];
  const hunks: Hunk[] = [];
  let [x, y] = [0, 0];
  for (const [i, j] of [...common, [a.length, b.length] as const]) {
    if (i > x || j > y)
      hunks.push({ ours: { from: head + x, to: head + i }, theirs: { from: head + y, to: head + j } });
    [x, y] = [i + 1, j + 1];
  }
  return hunks;
}

/** Pairs of equal lines, in order; `null` when the texts differ too much to look. */
function commonLines(a: readonly string[], b: readonly string[]): (readonly [number, number])[] | null {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  const reach = (k: number) => furthest.get(k) ?? -1;
  for (let edits = 0; edits <= Math.min(maxEdits, a.length + b.length); edits++) {
    trace.push(new Map(furthest));
    for (let k = -edits; k <= edits; k += 2) {
      let x = k === -edits || (k !== edits && reach(k - 1) < reach(k + 1)) ? reach(k + 1) : reach(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length);
    }
  }
  return null;
}

function walkBack(trace: readonly Map<number, number>[], endX: number, endY: number): [number, number][] {
  const pairs: [number, number][] = [];
  let [x, y] = [endX, endY];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const before = trace[edits] as Map<number, number>;
    const reach = (k: number) => before.get(k) ?? -1;
    const k = x - y;
    const from = k === -edits || (k !== edits && reach(k - 1) < reach(k + 1)) ? k + 1 : k - 1;
    const [startX, startY] = edits === 0 ? [0, 0] : [reach(from), reach(from) - from];
    const isDown = from === k + 1;
    const [runX, runY] = edits === 0 ? [0, 0] : isDown ? [startX, startY + 1] : [startX + 1, startY];
    while (x > runX && y > runY) pairs.push([--x, --y]);
    [x, y] = [startX, startY];
  }
  return pairs.reverse();
}
