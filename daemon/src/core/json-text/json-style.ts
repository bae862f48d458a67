/** How a JSON text is written, read from the text itself. */
import type { Node } from 'jsonc-parser';

export interface JsonStyle {
  /** One step of indentation. */
  readonly indent: string;
  readonly eol: '\n' | '\r\n';
  /** Between a key and its value. */
  readonly colon: string;
  /** Between values on one line. */
  readonly comma: string;
}

/** As `JSON.stringify(value, null, 2)` writes, which is what most tools make. */
export const plainStyle: JsonStyle = { indent: '  ', eol: '\n', colon: ': ', comma: ', ' };

/** The style of a text; what it does not show is taken from `plainStyle`. */
export function styleOf(text: string, root: Node): JsonStyle {
  const newline = text.indexOf('\n');
  const first = root.children?.[0];
  const lead = first === undefined ? '' : text.slice(root.offset + 1, first.offset);
  const indent = /[\r\n]([ \t]+)$/.exec(lead)?.[1] ?? plainStyle.indent;
  const colon = colonOf(text, root);
  // Without a space anywhere the text was made by a program, and stays as tight as it was.
  const isTight = newline < 0 && colon === ':';
  return {
    indent,
    eol: newline > 0 && text[newline - 1] === '\r' ? '\r\n' : '\n',
    colon,
    comma: isTight ? ',' : plainStyle.comma,
  };
}

function colonOf(text: string, root: Node): string {
  const [key, value] = root.type === 'object' ? (root.children?.[0]?.children ?? []) : [];
  if (key === undefined || value === undefined) return plainStyle.colon;
  const colon = text.slice(key.offset + key.length, value.offset);
  return /[\r\n]/.test(colon) ? plainStyle.colon : colon;
}
