import type { EditResult, ServiceDocument } from '@headwater/schemas/http';
import type { Epoch, Receipt } from '@headwater/schemas/protocol';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ApiError } from '../api/http.ts';
import { readService, type TaggedService } from '../api/services.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading, stateBadge } from '../elements/parts.ts';
import { toast } from '../elements/toasts.ts';
import type { Field } from '../form/fields.ts';
import '../form/hw-draft-notices.ts';
import '../form/hw-form.ts';
import '../form/hw-review.ts';
import { editableLayers } from '../form/layers.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { DraftController } from '../state/draft-controller.ts';
import { keptEdits } from '../state/drafts.ts';
import { texts } from '../texts.ts';

const tabs = ['settings', 'json', 'history', 'clients'] as const;
type Tab = (typeof tabs)[number];

/** One service: its settings as a form or as JSON, the draft of what somebody changes in them, its history and its clients. */
@customElement('hw-service-view')
export class HwServiceView extends LightElement {
  @property() service = '';
  @property({ attribute: false }) query = new URLSearchParams();
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  /** Layer that is edited: an environment, or "base" for all of them. */
  @state() private layer = '';
  @state() private isReviewing = false;
  readonly #draft = new DraftController(this, () => this.app.me.deployment);
  #tagged: TaggedService | null = null;
  #liftGuard: (() => void) | null = null;
  readonly #document = new Task(this, {
    task: ([env, service], { signal }) => readService(env, service, signal),
    args: () => [this.app.env, this.service, this.app.liveVersion, this.app.me] as const,
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
    const known = this.#tagged?.document;
    if (known && (known.service !== this.service || known.env !== this.app.env)) {
      // What was typed stays in the kept draft of its layer.
      this.#tagged = null;
      this.#draft.reset();
      this.layer = '';
      this.isReviewing = false;
    }
    this.#guard(this.#draft.edits > 0 || this.#draft.brokenText !== null);
  }

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${this.#document.render({
        pending: () => (this.#tagged ? this.#renderService(this.#tagged) : loading()),
        complete: (tagged) => this.#renderService(tagged),
        error: (error) => this.#renderFailure(error),
      })}
    </div>`;
  }

  #renderFailure(error: unknown): TemplateResult {
    const isGone = error instanceof ApiError && error.status === 404;
    return html`${
      isGone
        ? html`<div class="notice bad" role="alert"><strong>${texts.service.removed}</strong></div>`
        : errorNotice(error, () => void this.#document.run())
    }
    ${this.#tagged ? this.#renderService(this.#tagged) : nothing}`;
  }

  #renderService({ document }: TaggedService): TemplateResult {
    return html`${this.#renderHead(document)} ${this.#renderHeld(document)}
      ${this.#mayEdit() ? nothing : html`<p class="notice">${texts.form.readOnly}</p>`}
      <hw-draft-notices
        .gone=${this.#draft.gone}
        .isElsewhere=${this.#draft.isElsewhere}
        .problems=${this.#draft.dryRun?.problems ?? []}
        .fields=${this.#draft.fields}
        @hw-dismiss=${() => this.#draft.forgetGone()}
      ></hw-draft-notices>
      ${this.#renderTabs(document)} ${this.#renderTab(document)} ${this.#renderBar()}
      ${
        this.isReviewing
          ? html`<hw-review
              .draft=${this.#draft}
              .change=${this.#draft.change}
              .conflicts=${this.#draft.incoming}
              .choices=${this.#draft.choices}
              .login=${this.app.me}
              @hw-committed=${this.#onCommitted}
              @hw-conflict=${() => void this.#document.run()}
              @hw-close=${() => {
                this.isReviewing = false;
              }}
            ></hw-review>`
          : nothing
      }`;
  }

  #renderHead({ service, epoch, schema, clients }: ServiceDocument): TemplateResult {
    const { connected, current } = countOf(clients, epoch);
    const title = typeof schema.title === 'string' ? schema.title : '';
    return html`<div class="stack head">
      <a class="small" href="/?env=${this.app.env}">${texts.services.title}</a>
      <div class="page-head">
        <h1>${service} ${title ? html`<span class="quiet title-note">${title}</span>` : nothing}</h1>
        <div class="row">
          ${epochBadge(epoch)}
          <span aria-live="polite">${
            connected === 0
              ? stateBadge('idle', texts.service.noClients)
              : stateBadge(
                  current === connected ? 'ok' : 'warn',
                  texts.service.clientsNow(current, connected),
                )
          }</span>
        </div>
      </div>
      ${
        typeof schema.description === 'string'
          ? html`<p class="quiet prose">${schema.description}</p>`
          : nothing
      }
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

  #renderTabs(document: ServiceDocument): TemplateResult {
    const isEditing = this.#tab === 'settings' || this.#tab === 'json';
    return html`<div class="tab-bar">
      <nav class="tabs" aria-label=${this.service}>
        ${tabs.map(
          (tab) =>
            html`<a href=${this.#addressOf(tab)} aria-current=${tab === this.#tab ? 'page' : nothing}
              >${texts.service.tabs[tab]}${tab === 'clients' ? this.#renderCount(document) : nothing}</a
            >`,
        )}
      </nav>
      ${isEditing ? this.#renderScope(document.layers) : nothing}
    </div>`;
  }

  /** Stays in sight while one scrolls through settings: a commit can be seen to arrive. */
  #renderCount({ clients, epoch }: ServiceDocument): TemplateResult | typeof nothing {
    const { connected, current } = countOf(clients, epoch);
    if (connected === 0) return nothing;
    const kind = current === connected ? 'ok' : 'warn';
    return html` <span class="badge ${kind}" aria-hidden="true"
      ><span class="shape ${kind}"></span>${current}/${connected}</span
    >`;
  }

  #renderScope(layers: ServiceDocument['layers']): TemplateResult {
    return html`<div class="row">
      <span class="quiet small" id="scope-label">${texts.form.scope}</span>
      <div class="segments" role="group" aria-labelledby="scope-label">
        ${editableLayers(layers).map((layer) => {
          const kept = layer === this.layer ? 0 : keptEdits(this.app.me.deployment, this.service, layer);
          return html`<button aria-pressed=${layer === this.layer} @click=${() => this.#chooseLayer(layer)}>
            ${texts.form.layer(layer)}${
              kept > 0
                ? html`<span class="dot" title=${texts.form.bar(kept, 0)}
                    ><span class="visually-hidden">, ${texts.form.bar(kept, 0)}</span></span
                  >`
                : nothing
            }
          </button>`;
        })}
      </div>
    </div>`;
  }

  #renderTab(document: ServiceDocument): TemplateResult | typeof nothing {
    const { draft } = this.#draft;
    switch (this.#tab) {
      case 'settings':
        return draft
          ? html`<hw-form
              .document=${document}
              .draft=${draft}
              .problems=${this.#draft.problems}
              .incoming=${this.#draft.undecided}
              .disabled=${!this.#mayEdit()}
              .wanted=${this.query.get('setting') ?? ''}
              @hw-edit=${this.#onEdit}
            ></hw-form>`
          : nothing;
      case 'json':
        void import('../elements/hw-json-editor.ts');
        return html`<p class="quiet small">${texts.service.jsonHelp(texts.form.layer(this.layer))}</p>
          <hw-json-editor
            .text=${this.#draft.text}
            .label=${texts.service.json}
            .fields=${this.#draft.fields}
            .problems=${this.#draft.problems}
            .disabled=${!this.#mayEdit()}
            @hw-text=${(event: CustomEvent<string>) => this.#draft.write(event.detail)}
          ></hw-json-editor>`;
      case 'history':
        void import('./hw-service-history.ts');
        return html`<hw-service-history
          .service=${this.service}
          .pointer=${this.query.get('setting') ?? ''}
        ></hw-service-history>`;
      default:
        void import('./hw-clients-table.ts');
        return html`<hw-clients-table .clients=${document.clients} .epoch=${document.epoch}></hw-clients-table>`;
    }
  }

  #renderBar(): TemplateResult | typeof nothing {
    const { edits, brokenText, unreadable, undecided, dryRun } = this.#draft;
    if (edits === 0 && brokenText === null) return nothing;
    const refused = dryRun?.problems.length ?? 0;
    return html`<div class="save-bar" role="region" aria-label=${texts.review.title}>
      <span class="row">${texts.form.bar(edits, unreadable || refused)}
      ${undecided.length > 0 ? html`<span class="badge warn">${texts.review.undecided(undecided.length)}</span>` : nothing}</span>
      <span class="bar-space"></span>
      <button class="button plain" @click=${this.#discard}>${texts.form.discard}</button>
      <button
        class="button primary"
        ?disabled=${unreadable > 0}
        title="Ctrl+S"
        @click=${this.#openReview}
      >
        ${texts.form.review}
      </button>
    </div>`;
  }

  get #tab(): Tab {
    return tabs.find((tab) => tab === this.query.get('tab')) ?? 'settings';
  }

  #addressOf(tab: Tab): string {
    const query = new URLSearchParams({ env: this.app.env, ...(tab === 'settings' ? {} : { tab }) });
    return `/services/${encodeURIComponent(this.service)}?${query}`;
  }

  #take(tagged: TaggedService): void {
    this.#tagged = tagged;
    const { document } = tagged;
    if (this.layer === '' || !(this.layer in document.layers)) this.layer = document.env;
    this.#draft.take(tagged, this.layer);
  }

  /** Leaving the page with edits asks first. */
  #guard(hasEdits: boolean): void {
    if (hasEdits) this.#liftGuard ??= this.app.router.guard(() => confirm(texts.form.leave));
    else {
      this.#liftGuard?.();
      this.#liftGuard = null;
    }
  }

  #chooseLayer(layer: string): void {
    if (layer === this.layer || !this.#tagged) return;
    this.layer = layer;
    this.#draft.take(this.#tagged, layer);
  }

  #mayEdit(): boolean {
    return this.app.me.role !== 'viewer';
  }

  readonly #onEdit = (
    event: CustomEvent<{ field: Field; text?: string; action?: 'undo' | 'unset' | 'mine' }>,
  ): void => {
    const { field, text, action } = event.detail;
    const { pointer } = field;
    const clash = this.#draft.incoming.find((one) => one.pointer === pointer);
    if (text !== undefined) this.#draft.type(field, text);
    else if (action === 'unset') this.#draft.unset(pointer);
    else if (action === 'mine' && clash) this.#draft.choose(clash, 'mine');
    else this.#draft.undo(pointer);
  };

  readonly #discard = (): void => {
    toast(texts.form.discarded, { label: texts.form.undo, run: this.#draft.discard() });
  };

  readonly #openReview = (): void => {
    if (this.#draft.edits > 0 && this.#draft.unreadable === 0) this.isReviewing = true;
  };

  readonly #onCommitted = ({ detail }: CustomEvent<EditResult>): void => {
    this.isReviewing = false;
    this.#draft.committed();
    const held = detail.held?.map(({ env }) => env) ?? [];
    if (held.length > 0) toast(texts.review.held(held.join(', ')));
    else toast(detail.changed ? texts.review.done(detail.epoch.seq) : texts.review.nothing);
    void this.#document.run();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!this.isReviewing) this.#openReview();
  };
}

/** Connected clients, and those of them that run the live epoch. */
function countOf(clients: readonly Receipt[], epoch: Epoch): { connected: number; current: number } {
  const connected = clients.filter(({ state }) => state !== 'offline');
  const current = connected.filter((client) => client.epoch?.commit === epoch.commit);
  return { connected: connected.length, current: current.length };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-service-view': HwServiceView;
  }
}
