/** Writes values that the text does not hold yet. */
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import { type Donor, donorChild, donorText } from './donor.ts';
import type { JsonStyle } from './json-style.ts';

/** Longest line, indentation included, on which a list of plain values is written. */
const maxLineLength = 100;

export interface Place {
  readonly style: JsonStyle;
  /** Indentation of the line that the value begins on; `null` keeps everything on that line. */
  readonly indent: string | null;
}

/** Text of a value, spelt as the donor spells it where that holds it. */
export function printJson(value: JsonValue, place: Place, donor: Donor | null): string {
  const given = donorText(donor, value);
  // What somebody put on one line stays on one line.
  if (given !== null && !/[\r\n]/.test(given)) return given;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return isObject(value)
    ? printItems(Object.entries(value), '{}', place, donor)
    : printItems(
        value.map((item, i) => [i, item] as const),
        '[]',
        place,
        donor,
      );
}

function printItems(
  items: readonly (readonly [string | number, JsonValue])[],
  brackets: '{}' | '[]',
  { style, indent }: Place,
  donor: Donor | null,
): string {
  const [open, close] = brackets;
  if (items.length === 0) return brackets;
  const print = (below: string | null) =>
    items.map(([at, child]) => {
      const text = printJson(child, { style, indent: below }, donorChild(donor, at));
      return typeof at === 'number' ? text : JSON.stringify(at) + style.colon + text;
    });
  const pad = brackets === '{}' ? style.comma.slice(1) : '';
  const line = () => open + pad + print(null).join(style.comma) + pad + close;
  if (indent === null) return line();
  if (brackets === '[]' && items.every(([, item]) => typeof item !== 'object' || item === null)) {
    const short = line();
    if (indent.length + short.length <= maxLineLength) return short;
  }
  const below = indent + style.indent;
  const lines = print(below).join(`,${style.eol}${below}`);
  return `${open}${style.eol}${below}${lines}${style.eol}${indent}${close}`;
}
