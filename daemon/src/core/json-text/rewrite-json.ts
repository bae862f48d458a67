/**
 * Changes a JSON text into one that holds another value and leaves the rest as somebody wrote it: indentation, line ends, order of
 * keys, blank lines, the last newline, and the spelling of every value that stays (`1.0`, `1e3`). Why not a library's:
 * docs/decisions/0007-own-json-writer.md.
 */
import {
  equalValues,
  HeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '@headwater/schemas/protocol';
import { getNodeValue, type Node } from 'jsonc-parser';
import { orderKeys } from '../merge/order-keys.ts';
import { alignItems } from './align-items.ts';
import { type Donor, donorChild, donorOf } from './donor.ts';
import { holds, membersOf, memberValue, readNode } from './json-node.ts';
import { type JsonStyle, plainStyle, styleOf } from './json-style.ts';
import { joinItems, layoutOf } from './layout.ts';
import { printJson } from './print-json.ts';

/**
 * Text that holds exactly `wanted`.
 * @param text What the strict parser accepts.
 * @param spelling Another such text: values that come from it are spelt as there.
 * @throws HeadwaterError `HW_JSON_*` when `wanted` is nothing that a file may hold.
 */
export function rewriteJson(text: string, wanted: JsonValue, spelling?: string): string {
  const root = readNode(text);
  const at = { style: styleOf(text, root), indent: '', donor: donorOf(spelling) };
  const body = rewrite(text, root, wanted, at);
  return checked(text.slice(0, root.offset) + body + text.slice(root.offset + root.length), wanted);
}

/**
 * Text of a new file.
 * @param like A text whose indentation and line ends it shall have. Default: two spaces, LF.
 * @param spelling As for `rewriteJson`.
 * @throws HeadwaterError as `rewriteJson`.
 */
export function newJson(wanted: JsonValue, like?: string, spelling?: string): string {
  const style = like === undefined ? plainStyle : styleOf(like, readNode(like));
  return checked(printJson(wanted, { style, indent: '' }, donorOf(spelling)) + style.eol, wanted);
}

interface At {
  readonly style: JsonStyle;
  /** Indentation of the line that the value begins on; `null` keeps it on one line. */
  readonly indent: string | null;
  readonly donor: Donor | null;
}

function rewrite(text: string, node: Node, wanted: JsonValue, at: At): string {
  if (holds(node, wanted)) return text.slice(node.offset, node.offset + node.length);
  if ((node.children ?? []).length > 0) {
    if (node.type === 'object' && isObject(wanted)) return rewriteObject(text, node, wanted, at);
    if (node.type === 'array' && Array.isArray(wanted)) return rewriteList(text, node, wanted, at);
  }
  return printJson(wanted, at, at.donor);
}

function rewriteObject(text: string, node: Node, wanted: JsonObject, at: At): string {
  const members = [...membersOf(node)];
  const places = new Map(members.map(([key], i) => [key, i]));
  const kept = members.filter(([key]) => Object.hasOwn(wanted, key)).map(([key]) => key);
  const layout = layoutOf(text, node, at.style);
  const items = orderKeys(kept, Object.keys(wanted)).map((key) => {
    const was = places.get(key) ?? null;
    const member = was === null ? undefined : members[was]?.[1];
    const value = wanted[key] as JsonValue;
    const below = { style: at.style, indent: layout.indent, donor: donorChild(at.donor, key) };
    if (member === undefined)
      return { was, text: JSON.stringify(key) + at.style.colon + printJson(value, below, below.donor) };
    const old = memberValue(member);
    return { was, text: text.slice(member.offset, old.offset) + rewrite(text, old, value, below) };
  });
  return items.length === 0 ? '{}' : `{${joinItems(items, layout)}}`;
}

function rewriteList(text: string, node: Node, wanted: readonly JsonValue[], at: At): string {
  const old = node.children ?? [];
  const layout = layoutOf(text, node, at.style);
  const pairs = alignItems(getNodeValue(node), wanted);
  const items = wanted.map((value, i) => {
    const was = pairs[i] ?? null;
    const item = was === null ? undefined : old[was];
    const below = { style: at.style, indent: layout.indent, donor: donorChild(at.donor, i) };
    return { was, text: item ? rewrite(text, item, value, below) : printJson(value, below, below.donor) };
  });
  return items.length === 0 ? '[]' : `[${joinItems(items, layout)}]`;
}

/** The one promise that nothing may break, so it is looked at every time. */
function checked(text: string, wanted: JsonValue): string {
  if (equalValues(parseJson(text), wanted)) return text;
  if (equalValues(JSON.parse(JSON.stringify(wanted)), wanted))
    throw new Error('the text written for a JSON value holds another value');
  throw new HeadwaterError('HW_JSON_NUMBER', {
    message: 'a value cannot be written as JSON',
    hint: 'Use finite numbers, texts, true, false, null, lists and objects.',
  });
}
