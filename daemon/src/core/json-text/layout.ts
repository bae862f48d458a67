/** White space of an object or list, taken apart so that its items can be removed, changed and joined by others. */
import type { Node } from 'jsonc-parser';
import type { JsonStyle } from './json-style.ts';

/** One item with the white space around it, up to the commas. */
export interface Piece {
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

export interface Layout {
  /** White space of the items as they stand. */
  readonly spaces: readonly Omit<Piece, 'text'>[];
  /** Before an item that is new, unless it comes first. */
  readonly between: string;
  /** Indentation of the items; `null` when they stand on one line. */
  readonly indent: string | null;
}

/** @param node An object or list that has items. */
export function layoutOf(text: string, node: Node, style: JsonStyle): Layout {
  const items = node.children ?? [];
  const ends = items.map(({ offset, length }) => offset + length);
  const gaps = items.slice(1).map((item, i) => text.slice(ends[i], item.offset).split(','));
  const lead = text.slice(node.offset + 1, items[0]?.offset);
  const tail = text.slice(ends.at(-1), node.offset + node.length - 1);
  const spaces = items.map((_, i) => ({
    before: i === 0 ? lead : (gaps[i - 1]?.[1] ?? ''),
    after: i === items.length - 1 ? tail : (gaps[i]?.[0] ?? ''),
  }));
  const last =
    gaps.length > 0 ? (spaces.at(-1)?.before ?? '') : /[\r\n]/.test(lead) ? lead : style.comma.slice(1);
  const indent = /[\r\n]([ \t]*)$/.exec(last)?.[1] ?? null;
  // A blank line before the last item parts groups; it is nobody's to repeat.
  return { spaces, between: indent === null ? last : style.eol + indent, indent };
}

export interface Item {
  readonly text: string;
  /** Where it stood before; `null` = it is new. */
  readonly was: number | null;
}

/** The items between their brackets, or rather what stands between the brackets. */
export function joinItems(items: readonly Item[], { spaces, between }: Layout): string {
  const last = spaces.length - 1;
  const pieces = items.map(({ text, was }, i): Piece => {
    const own = was === null ? undefined : spaces[was];
    return {
      before: i === 0 ? (spaces[0]?.before ?? '') : was === 0 || own === undefined ? between : own.before,
      text,
      after:
        i === items.length - 1
          ? (spaces[last]?.after ?? '')
          : was === last || own === undefined
            ? ''
            : own.after,
    };
  });
  return pieces.map(({ before, text, after }) => before + text + after).join(',');
}
