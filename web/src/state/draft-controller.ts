/**
 * The draft of one layer of one service while its page is open: edits, what comes in meanwhile, the daemon's judgement after a pause, and
 * a copy kept in this browser. Pages draw what it says.
 */
import type { DryRun, ServiceDocument } from '@headwater/schemas/http';
import type { JsonObject } from '@headwater/schemas/protocol';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { type Change, commitOfEtag, tryChange } from '../api/edits.ts';
import type { TaggedService } from '../api/services.ts';
import {
  type Draft,
  desiredDocument,
  emptyDraft,
  type GoneEdit,
  type Incoming,
  problemsOf,
  rebase,
  setDocument,
  setText,
  undo,
  unset,
} from '../form/draft.ts';
import { type Field, fieldsOf, leavesOf } from '../form/fields.ts';
import { textOfDocument } from '../form/json-text.ts';
import { draftName, keepDraft, recallDraft } from './drafts.ts';
import { preferenceOf } from './preferences.ts';

/** Typing pauses this long before the daemon is asked what the draft would do. */
const pauseMs = 400;

/** Whose value a setting gets that somebody else changed, too. */
export type Choice = 'mine' | 'theirs' | 'base';

export class DraftController implements ReactiveController {
  draft: Draft | null = null;
  incoming: readonly Incoming[] = [];
  /** Decided clashes: pointer → whose value it gets. */
  choices: ReadonlyMap<string, Choice> = new Map();
  gone: readonly GoneEdit[] = [];
  /** Text of the JSON tab while it is no document. */
  brokenText: string | null = null;
  /** Edits are being made in another tab of this browser, too. */
  isElsewhere = false;
  /** What the draft would do, once the daemon said so; `null` while nobody knows. */
  dryRun: DryRun | null = null;
  /** The draft as a request; `null` without an edit that can be sent. */
  change: Change | null = null;
  readonly #host: ReactiveControllerHost;
  readonly #deployment: () => string;
  #service = '';
  #fields: readonly Field[] = [];
  #schema: JsonObject | null = null;
  #timer: number | undefined;
  #request: AbortController | undefined;

  constructor(host: ReactiveControllerHost, deployment: () => string) {
    this.#host = host;
    this.#deployment = deployment;
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener('storage', this.#onStorage);
  }

  hostDisconnected(): void {
    window.removeEventListener('storage', this.#onStorage);
    this.#forgetJudgement();
  }

  get fields(): readonly Field[] {
    return this.#fields;
  }

  get edits(): number {
    return this.draft?.edits.size ?? 0;
  }

  /** What is wrong, by setting: with the text, else by the daemon's judgement. */
  get problems(): ReadonlyMap<string, string> {
    const problems = new Map<string, string>();
    const leaves = leavesOf(this.#fields);
    for (const { pointer, message, service } of this.dryRun?.problems ?? []) {
      if (service !== undefined && service !== this.#service) continue;
      const field = leaves.find((one) => pointer === one.pointer || pointer.startsWith(`${one.pointer}/`));
      problems.set(field?.pointer ?? pointer, message);
    }
    for (const [pointer, problem] of this.draft ? problemsOf(this.draft) : []) problems.set(pointer, problem);
    return problems;
  }

  /** Number of texts that are no values yet: they cannot be sent at all. */
  get unreadable(): number {
    return (this.draft ? problemsOf(this.draft).size : 0) + (this.brokenText === null ? 0 : 1);
  }

  /** Clashes that nobody decided yet. */
  get undecided(): readonly Incoming[] {
    return this.incoming.filter(({ pointer }) => !this.choices.has(pointer));
  }

  /** Takes a document that was loaded: the first one of a layer starts a draft, later ones move it. */
  take({ document, etag }: TaggedService, layer: string): void {
    if (this.draft && (this.draft.layer !== layer || this.#service !== document.service)) this.reset();
    this.#service = document.service;
    this.#readSchema(document);
    const layerDocument = document.layers[layer] ?? {};
    const draft =
      this.draft ??
      recallDraft(this.#deployment(), document.service, layer, this.#fields) ??
      emptyDraft(layer, layerDocument, etag);
    const moved = rebase(draft, layerDocument, etag, this.#fields);
    this.incoming = merged(this.incoming, moved.incoming);
    this.choices = new Map(
      [...this.choices].filter(([one]) => !moved.incoming.some((it) => it.pointer === one)),
    );
    this.gone = [...this.gone, ...moved.gone];
    this.#set(moved.draft);
  }

  /** Leaves the layer. What was typed stays in its kept draft. */
  reset(): void {
    this.#forgetJudgement();
    this.draft = null;
    this.change = null;
    this.incoming = [];
    this.choices = new Map();
    this.gone = [];
    this.brokenText = null;
    this.isElsewhere = false;
  }

  type(field: Field, text: string): void {
    if (!this.draft) return;
    this.#set(this.#mine(field.pointer, setText(this.draft, field, text)));
  }

  /** Takes back the edit of one setting. */
  undo(pointer: string): void {
    if (!this.draft) return;
    this.#decide(pointer, 'theirs');
    this.#set(undo(this.draft, pointer));
  }

  /** The layer shall not set it any more. */
  unset(pointer: string): void {
    if (!this.draft) return;
    this.#set(this.#mine(pointer, unset(this.draft, pointer)));
  }

  /** The whole layer as JSON. Text that is no object is kept until it is one. */
  write(text: string): void {
    if (!this.draft) return;
    const document = documentIn(text);
    this.brokenText = document === null ? text : null;
    if (document) this.#set(setDocument(this.draft, document, this.#fields));
    else this.#host.requestUpdate();
  }

  /** The layer's document as text, with the edits. */
  get text(): string {
    return this.brokenText ?? (this.draft ? textOfDocument(desiredDocument(this.draft)) : '');
  }

  /** Decides a clash. */
  choose({ pointer, from, mine }: Incoming, choice: Choice): void {
    if (!this.draft) return;
    this.#decide(pointer, choice);
    const cleared = undo(this.draft, pointer);
    if (choice === 'theirs') this.#set(cleared);
    else if (choice === 'mine') this.#set({ ...cleared, edits: new Map(cleared.edits).set(pointer, mine) });
    else if (from === undefined) this.#set(unset(cleared, pointer));
    else {
      const edit = { kind: 'set', text: JSON.stringify(from), reading: { value: from }, raw: true } as const;
      this.#set({ ...cleared, edits: new Map(cleared.edits).set(pointer, edit) });
    }
  }

  /** Drops every edit. @returns Brings them back. */
  discard(): () => void {
    const { draft, incoming, choices, brokenText } = this;
    if (!draft) return () => {};
    this.#settle(emptyDraft(draft.layer, draft.base, draft.etag));
    return () => {
      if (this.draft?.layer !== draft.layer || this.draft.edits.size > 0) return;
      this.incoming = incoming;
      this.choices = choices;
      this.brokenText = brokenText;
      this.#set(rebase(draft, this.draft.base, this.draft.etag, this.#fields).draft);
    };
  }

  /** The draft became a commit: its document is what the layer has now. */
  committed(): void {
    const { draft } = this;
    if (draft) this.#settle(emptyDraft(draft.layer, desiredDocument(draft), draft.etag));
  }

  forgetGone(): void {
    this.gone = [];
    this.#host.requestUpdate();
  }

  #settle(draft: Draft): void {
    this.incoming = [];
    this.choices = new Map();
    this.brokenText = null;
    this.#set(draft);
  }

  /** Writing into a setting that somebody else changed decides for what is written. */
  #mine(pointer: string, draft: Draft): Draft {
    const mine = draft.edits.get(pointer);
    if (mine) this.incoming = this.incoming.map((one) => (one.pointer === pointer ? { ...one, mine } : one));
    this.#decide(pointer, mine ? 'mine' : 'theirs');
    return draft;
  }

  #decide(pointer: string, choice: Choice): void {
    if (this.incoming.some((one) => one.pointer === pointer))
      this.choices = new Map(this.choices).set(pointer, choice);
  }

  #set(draft: Draft): void {
    this.draft = draft;
    const secrets = leavesOf(this.#fields).filter(({ kind }) => kind === 'secret');
    keepDraft(this.#deployment(), this.#service, draft, new Set(secrets.map(({ pointer }) => pointer)));
    this.#forgetJudgement();
    const isReady = draft.edits.size > 0 && this.unreadable === 0;
    this.change = isReady
      ? {
          base: commitOfEtag(draft.etag),
          changes: [{ service: this.#service, layer: draft.layer, config: desiredDocument(draft) }],
        }
      : null;
    if (this.change) this.#timer = window.setTimeout(() => void this.#judge(), pauseMs);
    this.#host.requestUpdate();
  }

  async #judge(): Promise<void> {
    const { change } = this;
    if (!change) return;
    const request = new AbortController();
    this.#request = request;
    try {
      const dryRun = await tryChange(change, request.signal);
      if (this.change === change) this.dryRun = dryRun;
    } catch {
      // Nobody asked: the review asks again, and shows what is wrong then.
    }
    this.#host.requestUpdate();
  }

  #forgetJudgement(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.dryRun = null;
  }

  #readSchema({ schema }: ServiceDocument): void {
    if (JSON.stringify(schema) === JSON.stringify(this.#schema)) return;
    this.#schema = schema;
    this.#fields = fieldsOf(schema);
  }

  /** Another tab edits, or commits, the same layer. */
  readonly #onStorage = ({ key, newValue }: StorageEvent): void => {
    const { draft } = this;
    if (!draft || key !== preferenceOf(draftName(this.#deployment(), this.#service, draft.layer))) return;
    this.isElsewhere = newValue !== null;
    this.#host.requestUpdate();
  };
}

/** A setting that changed again keeps where it came from. */
function merged(before: readonly Incoming[], now: readonly Incoming[]): readonly Incoming[] {
  const all = new Map(before.map((one) => [one.pointer, one]));
  for (const one of now) {
    const known = all.get(one.pointer);
    all.set(one.pointer, known ? { ...one, from: known.from } : one);
  }
  return [...all.values()];
}

function documentIn(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}
