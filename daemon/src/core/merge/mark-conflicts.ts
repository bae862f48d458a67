import { parsePointer } from '@headwater/schemas/protocol';
import type { Node } from 'jsonc-parser';
import { childOf, readNode } from '../json-text/json-node.ts';
import { type Hunk, lineHunks, type Range } from './line-hunks.ts';
import type { MergeConflict } from './sides.ts';

/**
 * Two versions of a text as one, with the conflict markers that people and editors know around what differs. Both versions hold
 * everything that merged, so only conflicts are left; each is one region of whole lines, and taking a side of every region gives a
 * whole text again.
 */
export function markConflicts(ours: string, theirs: string, conflicts: readonly MergeConflict[]): string {
  const eol = ours.includes('\r\n') ? '\r\n' : '\n';
  const [mine, others] = [linesOf(ours), linesOf(theirs)];
  const regions = joinHunks(lineHunks(mine, others), placesOf(ours, conflicts), placesOf(theirs, conflicts));
  const out: string[] = [];
  let at = 0;
  for (const { ours: a, theirs: b } of regions) {
    out.push(...mine.slice(at, a.from));
    out.push(`<<<<<<< ours${eol}`, ...ended(mine.slice(a.from, a.to), eol));
    out.push(`=======${eol}`, ...ended(others.slice(b.from, b.to), eol), `>>>>>>> theirs${eol}`);
    at = a.to;
  }
  return [...out, ...mine.slice(at)].join('');
}

/** Lines with their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A marker needs a line of its own, also behind a last line without an end. */
function ended(lines: readonly string[], eol: string): string[] {
  return lines.map((line) => (line.endsWith('\n') ? line : line + eol));
}

/** Lines of each conflict in one version; `null` where that version has nothing. */
function placesOf(text: string, conflicts: readonly MergeConflict[]): (Range | null)[] {
  const root = readNode(text);
  return conflicts.map(({ pointer }) => {
    let node: Node | undefined = root;
    for (const part of parsePointer(pointer))
      node = node && childOf(node, node.type === 'array' ? Number(part) : part);
    if (node === undefined) return null;
    const whole = node.parent?.type === 'property' ? node.parent : node;
    const from = lineOf(text, whole.offset);
    return {
      from,
      to: from + lineOf(text.slice(whole.offset, whole.offset + whole.length), whole.length) + 1,
    };
  });
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length - 1;

/** Hunks that belong to one conflict become one region: brackets that happen to be equal do not tear it apart. */
function joinHunks(
  hunks: readonly Hunk[],
  ours: readonly (Range | null)[],
  theirs: readonly (Range | null)[],
): Hunk[] {
  const conflictsOf = hunks.map(
    (hunk) =>
      new Set([
        ...ours.flatMap((place, i) => (place && touches(hunk.ours, place) ? [i] : [])),
        ...theirs.flatMap((place, i) => (place && touches(hunk.theirs, place) ? [i] : [])),
      ]),
  );
  const joined: Hunk[] = [];
  let last: ReadonlySet<number> = new Set();
  hunks.forEach((hunk, i) => {
    const own = conflictsOf[i] ?? new Set();
    const before = joined.at(-1);
    if (before && [...own].some((conflict) => last.has(conflict))) {
      joined[joined.length - 1] = {
        ours: { from: before.ours.from, to: hunk.ours.to },
        theirs: { from: before.theirs.from, to: hunk.theirs.to },
      };
    } else joined.push(hunk);
    last = own;
  });
  return joined;
}

const touches = (hunk: Range, place: Range): boolean => hunk.from < place.to && hunk.to > place.from;
