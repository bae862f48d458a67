import { isOrderedArray, isOrderedObject, NumberText, type OrderedValue } from './ordered-json.ts';

/**
 * Writes a document as SOPS does, with a final newline: one member a line, and `<`, `>`, `&` and the two line separators escaped like
 * Go's encoder escapes them. Anything else would show up as noise in the first diff after somebody used the `sops` command.
 * @param indent What one level is indented by. Default: a tab, as SOPS.
 */
export function printOrderedJson(value: OrderedValue, indent = '\t'): string {
  return `${print(value, indent, '\n')}\n`;
}

function print(value: OrderedValue, indent: string, newline: string): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof NumberText) return value.text;
  const inner = newline + indent;
  if (isOrderedArray(value)) {
    if (value.length === 0) return '[]';
    return `[${inner}${value.map((item) => print(item, indent, inner)).join(`,${inner}`)}${newline}]`;
  }
  if (!isOrderedObject(value) || value.size === 0) return '{}';
  const members = [...value].map(([key, child]) => `${quote(key)}: ${print(child, indent, inner)}`);
  return `{${inner}${members.join(`,${inner}`)}${newline}}`;
}

const escaped = /[<>&\u2028\u2029]/g;

function quote(text: string): string {
  return JSON.stringify(text).replace(
    escaped,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
