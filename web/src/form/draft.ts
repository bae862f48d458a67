/**
 * Unsaved edits of one layer of one service. Immutable: every edit makes another draft. The draft keeps what was typed beside what it
 * means, and knows the document it started from, so that what comes in meanwhile never eats typing.
 */
import {
  equalValues,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';
import { type Reading, readText, textOfValue } from './field-text.ts';
import { type Field, leavesOf } from './fields.ts';

/** One edited setting: what was typed, or that the layer shall not set it any more. */
export type Edit =
  | {
      readonly kind: 'set';
      readonly text: string;
      readonly reading: Reading;
      /** Written as JSON, and nothing that the setting's field could hold, or without a field at all: kept as it is. */
      readonly raw?: true;
    }
  | { readonly kind: 'unset' };

export interface Draft {
  /** "base" or the name of an environment. */
  readonly layer: string;
  /** The layer's document that the edits were made on. */
  readonly base: JsonObject;
  /** Tag of the service document that `base` came from: names the commit in `If-Match`. */
  readonly etag: string;
  readonly edits: ReadonlyMap<string, Edit>;
}

export const emptyDraft = (layer: string, base: JsonObject, etag: string): Draft => ({
  layer,
  base,
  etag,
  edits: new Map(),
});

/** Value that the layer itself sets, without the draft. */
export const ownValue = (document: JsonObject, pointer: string): JsonValue | undefined =>
  valueAt(document, pointer) as JsonValue | undefined;

/** Somebody typed into a field. Typing the old value again takes the edit back. */
export function setText(draft: Draft, field: Field, text: string): Draft {
  const reading = readText(field, text);
  const before = ownValue(draft.base, field.pointer);
  const isBack = 'value' in reading && before !== undefined && equalValues(before, reading.value);
  return isBack ? undo(draft, field.pointer) : withEdit(draft, field.pointer, { kind: 'set', text, reading });
}

/** The layer shall not set the field any more. */
export function unset(draft: Draft, pointer: string): Draft {
  return ownValue(draft.base, pointer) === undefined
    ? undo(draft, pointer)
    : withEdit(draft, pointer, { kind: 'unset' });
}

/** Takes one edit back. */
export function undo(draft: Draft, pointer: string): Draft {
  if (!draft.edits.has(pointer)) return draft;
  const edits = new Map(draft.edits);
  edits.delete(pointer);
  return { ...draft, edits };
}

function withEdit(draft: Draft, pointer: string, edit: Edit): Draft {
  return { ...draft, edits: new Map(draft.edits).set(pointer, edit) };
}

/** Pointers whose text is not a value. */
export function problemsOf(draft: Draft): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const [pointer, edit] of draft.edits)
    if (edit.kind === 'set' && 'problem' in edit.reading) problems.set(pointer, edit.reading.problem);
  return problems;
}

/** The layer's document as the draft wants it. Edits that are not values yet are left out. */
export function desiredDocument(draft: Draft): JsonObject {
  let document = draft.base;
  for (const [pointer, edit] of draft.edits) {
    if (edit.kind === 'unset') document = without(document, parsePointer(pointer));
    else if ('value' in edit.reading)
      document = withValue(document, parsePointer(pointer), edit.reading.value);
  }
  return document;
}

/** What came in while somebody was editing: a setting that the draft touches and that changed underneath. */
export interface Incoming {
  readonly pointer: string;
  readonly from: JsonValue | undefined;
  readonly to: JsonValue | undefined;
  /** What the draft had for it. */
  readonly mine: Edit;
}

/** An edit of a setting that the schema does not know any more. */
export interface GoneEdit {
  readonly pointer: string;
  readonly text: string;
}

export interface Rebased {
  readonly draft: Draft;
  readonly incoming: readonly Incoming[];
  readonly gone: readonly GoneEdit[];
}

/**
 * Moves a draft onto a newer document: untouched settings follow, touched ones keep what was typed.
 * @returns The draft, which touched settings changed underneath, and edits that have no setting any more.
 */
export function rebase(draft: Draft, document: JsonObject, etag: string, fields: readonly Field[]): Rebased {
  const incoming: Incoming[] = [];
  const gone: GoneEdit[] = [];
  let moved: Draft = { ...draft, base: document, etag, edits: new Map() };
  const byPointer = new Map(leavesOf(fields).map((field) => [field.pointer, field]));
  for (const [pointer, edit] of draft.edits) {
    const [from, to] = [ownValue(draft.base, pointer), ownValue(document, pointer)];
    if (!isSame(from, to)) incoming.push({ pointer, from, to, mine: edit });
    const field = byPointer.get(pointer);
    if (edit.kind === 'unset') moved = unset(moved, pointer);
    else if (edit.raw && 'value' in edit.reading) moved = setRaw(moved, pointer, edit.reading.value);
    else if (field) moved = setText(moved, field, edit.text);
    else gone.push({ pointer, text: edit.text });
  }
  return { draft: moved, incoming: incoming.filter(({ pointer }) => moved.edits.has(pointer)), gone };
}

/** The layer's whole document was written as JSON: what differs from the document the draft stands on becomes its edits. */
export function setDocument(draft: Draft, document: JsonObject, fields: readonly Field[]): Draft {
  const leaves = leavesOf(fields);
  let written: Draft = { ...draft, edits: new Map() };
  let [known, rest] = [draft.base, document];
  for (const field of leaves) {
    const { pointer } = field;
    const [from, to] = [ownValue(draft.base, pointer), ownValue(document, pointer)];
    if (to === undefined) written = unset(written, pointer);
    else if (!isSame(from, to)) written = setWritten(written, field, to);
    [known, rest] = [without(known, parsePointer(pointer)), without(rest, parsePointer(pointer))];
  }
  // What no field draws: settings that the schema does not know.
  for (const name of new Set([...Object.keys(known), ...Object.keys(rest)])) {
    const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const value = ownValue(rest, pointer);
    written = value === undefined ? unset(written, pointer) : setRaw(written, pointer, value);
  }
  return written;
}

/** A value of another kind than the field's must not be bent into it: it stays what it is, and the daemon says what is wrong. */
function setWritten(draft: Draft, field: Field, value: JsonValue): Draft {
  const text = textOfValue(field, value);
  const reading = readText(field, text);
  return 'value' in reading && !equalValues(reading.value, value)
    ? setRaw(draft, field.pointer, value)
    : setText(draft, field, text);
}

function setRaw(draft: Draft, pointer: string, value: JsonValue): Draft {
  if (isSame(ownValue(draft.base, pointer), value)) return undo(draft, pointer);
  return withEdit(draft, pointer, {
    kind: 'set',
    text: JSON.stringify(value),
    reading: { value },
    raw: true,
  });
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalValues(a, b);
}

function withValue(
  document: JsonObject,
  [name = '', ...rest]: readonly string[],
  value: JsonValue,
): JsonObject {
  const inner = Object.hasOwn(document, name) ? document[name] : undefined;
  return {
    ...document,
    [name]: rest.length === 0 ? value : withValue(isObject(inner) ? inner : {}, rest, value),
  };
}

/** An object that becomes empty goes, too: it said nothing else. */
function without(document: JsonObject, [name = '', ...rest]: readonly string[]): JsonObject {
  const { [name]: inner, ...others } = document;
  if (inner === undefined || rest.length === 0 || !isObject(inner)) return others;
  const left = without(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...document, [name]: left };
}
