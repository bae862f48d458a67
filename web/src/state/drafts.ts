/**
 * Drafts that survive a reload: kept in this browser, per deployment, service and layer. Secrets never get here: a secret field has no
 * text in a draft.
 */
import type { JsonObject } from '@headwater/schemas/protocol';
import { type Draft, type Edit, emptyDraft, setText, unset } from '../form/draft.ts';
import { type Field, leavesOf } from '../form/fields.ts';
import { readPreference, writePreference } from './preferences.ts';

interface StoredDraft {
  readonly base: JsonObject;
  readonly etag: string;
  /** Pointer → what was typed; `null` = unset. */
  readonly edits: Readonly<Record<string, string | null>>;
}

const nameOf = (deployment: string, service: string, layer: string): string =>
  `draft ${deployment} ${service} ${layer}`;

/** Keeps a draft; one without edits is forgotten. */
export function keepDraft(deployment: string, service: string, draft: Draft): void {
  const textOf = (edit: Edit) => (edit.kind === 'set' ? edit.text : null);
  const stored: StoredDraft = {
    base: draft.base,
    etag: draft.etag,
    edits: Object.fromEntries([...draft.edits].map(([pointer, edit]) => [pointer, textOf(edit)])),
  };
  const name = nameOf(deployment, service, draft.layer);
  writePreference(name, draft.edits.size === 0 ? null : JSON.stringify(stored));
}

/** The draft that was kept, on the document it was made on; `null` without one. Rebase it onto the current document. */
export function recallDraft(
  deployment: string,
  service: string,
  layer: string,
  fields: readonly Field[],
): Draft | null {
  const text = readPreference(nameOf(deployment, service, layer));
  if (text === null) return null;
  try {
    const { base, etag, edits } = JSON.parse(text) as StoredDraft;
    const byPointer = new Map(leavesOf(fields).map((field) => [field.pointer, field]));
    let draft = emptyDraft(layer, base, etag);
    for (const [pointer, typed] of Object.entries(edits)) {
      const field = byPointer.get(pointer);
      if (typed === null) draft = unset(draft, pointer);
      else if (field) draft = setText(draft, field, typed);
    }
    return draft.edits.size === 0 ? null : draft;
  } catch {
    return null; // written by another version
  }
}
