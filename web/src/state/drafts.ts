/**
 * Drafts that survive a reload: kept in this browser, per deployment, service and layer. Secrets never get here: a secret field has no
 * text in a draft.
 */
import type { JsonObject, JsonValue } from '@headwater/schemas/protocol';
import { type Draft, type Edit, emptyDraft, setText, unset } from '../form/draft.ts';
import { type Field, leavesOf } from '../form/fields.ts';
import { readPreference, writePreference } from './preferences.ts';

interface StoredDraft {
  readonly base: JsonObject;
  readonly etag: string;
  /** Pointer → what was typed; `null` = unset. */
  readonly edits: Readonly<Record<string, string | null>>;
  /** Pointers whose text is JSON, kept as it is. */
  readonly raw?: readonly string[];
}

/** Where a draft is kept, among the preferences. */
export const draftName = (deployment: string, service: string, layer: string): string =>
  `draft ${deployment} ${service} ${layer}`;

/** Keeps a draft; one without edits is forgotten. @param secrets Pointers whose text is kept nowhere. */
export function keepDraft(
  deployment: string,
  service: string,
  draft: Draft,
  secrets: ReadonlySet<string> = new Set(),
): void {
  const textOf = (edit: Edit) => (edit.kind === 'set' ? edit.text : null);
  const edits = [...draft.edits].filter(([pointer]) => !secrets.has(pointer));
  const stored: StoredDraft = {
    base: draft.base,
    etag: draft.etag,
    edits: Object.fromEntries(edits.map(([pointer, edit]) => [pointer, textOf(edit)])),
    raw: edits.flatMap(([pointer, edit]) => (edit.kind === 'set' && edit.raw ? [pointer] : [])),
  };
  const name = draftName(deployment, service, draft.layer);
  writePreference(name, edits.length === 0 ? null : JSON.stringify(stored));
}

/** Number of edits in a draft that was kept. */
export function keptEdits(deployment: string, service: string, layer: string): number {
  const text = readPreference(draftName(deployment, service, layer));
  if (text === null) return 0;
  try {
    return Object.keys((JSON.parse(text) as StoredDraft).edits).length;
  } catch {
    return 0; // written by another version
  }
}

/** The draft that was kept, on the document it was made on; `null` without one. Rebase it onto the current document. */
export function recallDraft(
  deployment: string,
  service: string,
  layer: string,
  fields: readonly Field[],
): Draft | null {
  const text = readPreference(draftName(deployment, service, layer));
  if (text === null) return null;
  try {
    const { base, etag, edits, raw = [] } = JSON.parse(text) as StoredDraft;
    const byPointer = new Map(leavesOf(fields).map((field) => [field.pointer, field]));
    let draft = emptyDraft(layer, base, etag);
    for (const [pointer, typed] of Object.entries(edits)) {
      const field = byPointer.get(pointer);
      if (typed === null) draft = unset(draft, pointer);
      else if (field && !raw.includes(pointer)) draft = setText(draft, field, typed);
      else draft = withUnknown(draft, pointer, typed, raw.includes(pointer));
    }
    return draft.edits.size === 0 ? null : draft;
  } catch {
    return null; // written by another version
  }
}

/** An edit of something without a field: the rebase that follows keeps it or says that it is gone. */
function withUnknown(draft: Draft, pointer: string, text: string, isRaw: boolean): Draft {
  const value = isRaw ? (JSON.parse(text) as JsonValue) : text;
  const edit: Edit = { kind: 'set', text, reading: { value }, ...(isRaw ? { raw: true } : {}) };
  return { ...draft, edits: new Map(draft.edits).set(pointer, edit) };
}
