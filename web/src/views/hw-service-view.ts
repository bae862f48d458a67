import type { EditResult, ServiceDocument } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type Change, commitOfEtag } from '../api/edits.ts';
import { readService, type TaggedService } from '../api/services.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading, stateBadge } from '../elements/parts.ts';
import { toast } from '../elements/toasts.ts';
import {
  type Draft,
  desiredDocument,
  emptyDraft,
  type Incoming,
  problemsOf,
  rebase,
  setText,
  undo,
  unset,
} from '../form/draft.ts';
import { type Field, fieldsOf } from '../form/fields.ts';
import '../form/hw-form.ts';
import '../form/hw-review.ts';
import { editableLayers } from '../form/layers.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { keepDraft, recallDraft } from '../state/drafts.ts';
import { texts } from '../texts.ts';

/** One service: its settings as a form, and the draft of what somebody changes in them. */
@customElement('hw-service-view')
export class HwServiceView extends LightElement {
  @property() service = '';
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  /** Layer that is edited: an environment, or "base" for all of them. */
  @state() private layer = '';
  @state() private draft: Draft | null = null;
  @state() private incoming: readonly Incoming[] = [];
  @state() private review: Change | null = null;
  #tagged: TaggedService | null = null;
  #liftGuard: (() => void) | null = null;
  readonly #document = new Task(this, {
    task: ([env, service], { signal }) => readService(env, service, signal),
    args: () => [this.app.env, this.service, this.app.liveVersion] as const,
    onComplete: (tagged) => this.#take(tagged),
  });

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
    this.#liftGuard?.();
    this.#liftGuard = null;
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const isOther = this.#tagged !== null && this.#tagged.document.service !== this.service;
    const isOtherEnvironment = this.#tagged !== null && this.#tagged.document.env !== this.app.env;
    if (!isOther && !isOtherEnvironment) return;
    // What was typed stays in the kept draft of its layer.
    this.#tagged = null;
    this.draft = null;
    this.incoming = [];
    this.layer = '';
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${this.#document.render({
        pending: () => (this.#tagged ? this.#renderService(this.#tagged) : loading()),
        complete: (tagged) => this.#renderService(tagged),
        error: (error) =>
          html`${errorNotice(error, () => void this.#document.run())}
          ${this.#tagged ? this.#renderService(this.#tagged) : nothing}`,
      })}
    </div>`;
  }

  #renderService({ document }: TaggedService): TemplateResult {
    const { draft } = this;
    return html`${this.#renderHead(document)} ${this.#renderHeld(document)}
      ${this.#mayEdit() ? nothing : html`<p class="notice">${texts.form.readOnly}</p>`}
      ${
        draft
          ? html`${this.#renderScope(document)}
            <hw-form
              .document=${document}
              .draft=${draft}
              .problems=${problemsOf(draft)}
              .incoming=${this.incoming}
              .disabled=${!this.#mayEdit()}
              @hw-edit=${this.#onEdit}
            ></hw-form>
            ${this.#renderBar(draft)}`
          : nothing
      }
      ${
        this.review
          ? html`<hw-review
              .change=${this.review}
              @hw-committed=${this.#onCommitted}
              @hw-close=${() => {
                this.review = null;
              }}
            ></hw-review>`
          : nothing
      }`;
  }

  #renderHead({ service, epoch, schema, clients }: ServiceDocument): TemplateResult {
    const connected = clients.filter(({ state: its }) => its !== 'offline');
    const current = connected.filter((client) => client.epoch?.commit === epoch.commit);
    const title = typeof schema.title === 'string' ? schema.title : '';
    return html`<div class="stack">
      <a class="small" href="/?env=${this.app.env}">${texts.services.title}</a>
      <div class="page-head">
        <h1>${service} ${title ? html`<span class="quiet title-note">${title}</span>` : nothing}</h1>
        <div class="row">
          ${epochBadge(epoch)}
          ${
            connected.length === 0
              ? stateBadge('idle', texts.service.noClients)
              : stateBadge(
                  current.length === connected.length ? 'ok' : 'warn',
                  texts.service.clientsNow(current.length, connected.length),
                )
          }
        </div>
      </div>
      ${typeof schema.description === 'string' ? html`<p class="quiet">${schema.description}</p>` : nothing}
    </div>`;
  }

  #renderHeld({ held }: ServiceDocument): TemplateResult | typeof nothing {
    if (!held) return nothing;
    return html`<div class="notice warn" role="status">
      <strong class="row">${icon('warning')} ${texts.service.held}</strong>
      <span>${held.message} ${held.pointer ? html`<code>${held.pointer}</code>` : nothing}</span>
      <span class="quiet">${held.hint}</span>
    </div>`;
  }

  #renderScope({ layers }: ServiceDocument): TemplateResult {
    return html`<div class="row">
      <span class="quiet small" id="scope-label">${texts.form.scope}</span>
      <div class="segments" role="group" aria-labelledby="scope-label">
        ${editableLayers(layers).map(
          (layer) =>
            html`<button aria-pressed=${layer === this.layer} @click=${() => this.#chooseLayer(layer)}>
              ${texts.form.layer(layer)}
            </button>`,
        )}
      </div>
    </div>`;
  }

  #renderBar(draft: Draft): TemplateResult | typeof nothing {
    if (draft.edits.size === 0) return nothing;
    const wrong = problemsOf(draft).size;
    return html`<div class="save-bar" role="region" aria-label=${texts.review.title}>
      <span>${texts.form.bar(draft.edits.size, wrong)}</span>
      <span class="bar-space"></span>
      <button class="button plain" @click=${this.#discard}>${texts.form.discard}</button>
      <button class="button primary" ?disabled=${wrong > 0} @click=${this.#openReview}>${texts.form.review}</button>
    </div>`;
  }

  /** Takes a document that was loaded: the first one starts a draft, later ones move it. */
  #take(tagged: TaggedService): void {
    this.#tagged = tagged;
    const { document, etag } = tagged;
    if (this.layer === '' || !(this.layer in document.layers)) this.layer = document.env;
    const fields = fieldsOf(document.schema);
    const layerDocument = document.layers[this.layer] ?? {};
    const draft =
      this.draft ??
      recallDraft(this.app.me.deployment, document.service, this.layer, fields) ??
      emptyDraft(this.layer, layerDocument, etag);
    const moved = rebase(draft, layerDocument, etag, fields);
    this.incoming = [
      ...this.incoming.filter(({ pointer }) => moved.draft.edits.has(pointer)),
      ...moved.incoming,
    ];
    this.#setDraft(moved.draft);
  }

  #setDraft(draft: Draft): void {
    this.draft = draft;
    keepDraft(this.app.me.deployment, this.service, draft);
    if (draft.edits.size > 0) this.#liftGuard ??= this.app.router.guard(() => confirm(texts.form.leave));
    else {
      this.#liftGuard?.();
      this.#liftGuard = null;
    }
  }

  #chooseLayer(layer: string): void {
    if (layer === this.layer || !this.#tagged) return;
    this.layer = layer;
    this.draft = null;
    this.incoming = [];
    this.#take(this.#tagged);
  }

  #mayEdit(): boolean {
    return this.app.me.role !== 'viewer';
  }

  readonly #onEdit = (
    event: CustomEvent<{ field: Field; text?: string; action?: 'undo' | 'unset' }>,
  ): void => {
    if (!this.draft) return;
    const { field, text, action } = event.detail;
    if (text !== undefined) this.#setDraft(setText(this.draft, field, text));
    else
      this.#setDraft(action === 'undo' ? undo(this.draft, field.pointer) : unset(this.draft, field.pointer));
    this.incoming = this.incoming.filter(({ pointer }) => this.draft?.edits.has(pointer));
  };

  readonly #discard = (): void => {
    const { draft } = this;
    if (!draft) return;
    this.#setDraft(emptyDraft(draft.layer, draft.base, draft.etag));
    this.incoming = [];
    toast(texts.form.discarded, { label: texts.form.undo, run: () => this.#setDraft(draft) });
  };

  readonly #openReview = (): void => {
    const { draft } = this;
    if (!draft || draft.edits.size === 0 || problemsOf(draft).size > 0) return;
    this.review = {
      base: commitOfEtag(draft.etag),
      changes: [{ service: this.service, layer: draft.layer, config: desiredDocument(draft) }],
    };
  };

  readonly #onCommitted = ({ detail }: CustomEvent<EditResult>): void => {
    this.review = null;
    if (this.draft)
      this.#setDraft(emptyDraft(this.draft.layer, desiredDocument(this.draft), this.draft.etag));
    this.incoming = [];
    const held = detail.held?.map(({ env }) => env) ?? [];
    toast(held.length > 0 ? texts.review.held(held.join(', ')) : texts.review.done(detail.epoch.seq));
    void this.#document.run();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!this.review) this.#openReview();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-service-view': HwServiceView;
  }
}
