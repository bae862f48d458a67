/** What can be written at a place of a layer's JSON: names of settings that are not there yet, or values of the setting. Pure. */
import { getLocation, parseTree } from 'jsonc-parser';
import type { Field } from './fields.ts';

export interface JsonCompletion {
  readonly label: string;
  /** Text that is put in. */
  readonly insert: string;
  readonly detail: string;
  readonly info: string;
}

export interface JsonCompletions {
  /** Offsets of the text that is replaced. */
  readonly from: number;
  readonly to: number;
  readonly options: readonly JsonCompletion[];
}

/** @param offset Where the cursor is. */
export function completionsAt(
  text: string,
  offset: number,
  fields: readonly Field[],
): JsonCompletions | null {
  const { path, isAtPropertyKey, previousNode } = getLocation(text, offset);
  const node =
    previousNode && previousNode.offset <= offset && offset <= previousNode.offset + previousNode.length
      ? previousNode
      : null;
  const [from, to] = node ? [node.offset, node.offset + node.length] : wordAround(text, offset);
  const inside = isAtPropertyKey ? path.slice(0, -1) : path;
  const siblings = fieldsAt(fields, inside.map(String));
  if (!isAtPropertyKey) {
    const field = fieldsAt(fields, path.slice(0, -1).map(String))?.find(({ name }) => name === path.at(-1));
    return field ? { from, to, options: valuesOf(field) } : null;
  }
  if (!siblings) return null;
  const known = namesAt(text, inside);
  // A name that is being rewritten has its value already.
  const hasValue = /^\s*:/.test(text.slice(to));
  const typed = node ? String(node.value ?? '') : '';
  return {
    from,
    to,
    options: siblings
      .filter(({ name }) => !known.has(name) || name === typed)
      .map((field) => ({
        label: field.name,
        insert: hasValue ? JSON.stringify(field.name) : `${JSON.stringify(field.name)}: ${startOf(field)}`,
        detail: field.title,
        info: field.description,
      })),
  };
}

function wordAround(text: string, offset: number): [number, number] {
  const before = /[\w."-]*$/.exec(text.slice(0, offset))?.[0].length ?? 0;
  const after = /^[\w."-]*/.exec(text.slice(offset))?.[0].length ?? 0;
  return [offset - before, offset + after];
}

function fieldsAt(fields: readonly Field[], [name, ...rest]: readonly string[]): readonly Field[] | null {
  if (name === undefined) return fields;
  const group = fields.find((field) => field.name === name && field.kind === 'group');
  return group ? fieldsAt(group.children, rest) : null;
}

function namesAt(text: string, path: readonly (string | number)[]): ReadonlySet<string> {
  let node = parseTree(text);
  for (const part of path)
    node = node?.children?.find((property) => property.children?.[0]?.value === part)?.children?.[1];
  return new Set(node?.children?.map((property) => String(property.children?.[0]?.value)) ?? []);
}

function valuesOf(field: Field): readonly JsonCompletion[] {
  const values =
    field.kind === 'switch' ? [true, false] : field.options.length > 0 ? field.options : field.examples;
  const all = field.defaultValue === undefined ? values : [field.defaultValue, ...values];
  const texts = new Set([...all, ...(field.nullable ? [null] : [])].map((value) => JSON.stringify(value)));
  return [...texts].map((text) => ({
    label: text,
    insert: text,
    detail: field.unit ?? '',
    info: field.description,
  }));
}

const startOf = ({ kind, defaultValue, options }: Field): string => {
  if (defaultValue !== undefined) return JSON.stringify(defaultValue);
  if (options[0] !== undefined) return JSON.stringify(options[0]);
  return { switch: 'false', number: '0', list: '[]', group: '{}', json: 'null' }[kind as string] ?? '""';
};
