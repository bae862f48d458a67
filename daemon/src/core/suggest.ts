/** The candidate that a misspelt name most likely means, or `null`. Case and the order of neighbouring letters are forgiven. */
export function closest(name: string, candidates: Iterable<string>): string | null {
  if (name.length > maxLength) return null;
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.min(3, Math.floor(wanted.length / 3) + 1) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** `Did you mean "x"?`, or the fallback when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>, fallback: string): string {
  const candidate = closest(name, candidates);
  return candidate === null ? fallback : `Did you mean ${JSON.stringify(candidate)}? ${fallback}`;
}

/** Longer names are not guessed: the cost is quadratic and nobody mistypes that much. */
const maxLength = 100;

/** Optimal string alignment distance: insert, delete, replace, swap two neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
