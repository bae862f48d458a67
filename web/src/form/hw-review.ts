import type { DryRun, EditResult } from '@headwater/schemas/http';
import { Task, TaskStatus } from '@lit/task';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type Change, commitChange, tryChange } from '../api/edits.ts';
import { ApiError } from '../api/http.ts';
import '../elements/hw-dry-run.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { errorNotice, loading } from '../elements/parts.ts';
import type { Choice, DraftController } from '../state/draft-controller.ts';
import { texts } from '../texts.ts';
import type { Incoming } from './draft.ts';
import type { Field } from './fields.ts';
import './hw-conflicts.ts';
import { textOfDocument } from './json-text.ts';

/**
 * The last look before a commit: what changes, whom it reaches, why; and what somebody else changed meanwhile. The review is the save.
 * @fires hw-committed the EditResult, as `detail`
 * @fires hw-conflict somebody else was faster: the page should load what there is now
 * @fires hw-close
 */
@customElement('hw-review')
export class HwReview extends LightElement {
  @property({ attribute: false }) draft!: DraftController;
  /** Request that the draft stands for; `null` when nothing is left to commit. */
  @property({ attribute: false }) change: Change | null = null;
  @property({ attribute: false }) conflicts: readonly Incoming[] = [];
  @property({ attribute: false }) choices: ReadonlyMap<string, Choice> = new Map();
  /** Grows with every login: what failed without one is tried again. */
  @property({ attribute: false }) login: unknown = null;
  @state() private message = '';
  @state() private failure: unknown = null;
  @state() private isBusy = false;
  @state() private showsJson = false;
  @query('dialog') private dialog!: HTMLDialogElement;
  /** Commit of the change that the page was asked to load anew for: once is enough. */
  #reloadedFrom = '';
  /** What the daemon's last answer is about. */
  #judged: Change | null = null;
  /** Somebody asked to commit it while the daemon was still checking. */
  #waiting: Change | null = null;
  readonly #dryRun = new Task(this, {
    task: async ([change], { signal }) => {
      this.failure = null;
      if (change === null) return null;
      // The page has asked already while somebody typed.
      const isKnown = change === this.draft.change && this.draft.dryRun !== null;
      const dryRun = isKnown ? this.draft.dryRun : await tryChange(change, signal);
      this.#judged = change;
      return dryRun;
    },
    args: () => [this.change, this.login] as const,
    onComplete: (dryRun) => {
      if (dryRun && dryRun.conflicts.length > 0) this.#reload();
    },
  });

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
  }

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    if (this.#waiting === null || this.#waiting !== this.draft.change || !this.#mayCommit) return;
    this.#waiting = null;
    void this.#commit();
  }

  protected override render(): TemplateResult {
    const { undecided } = this.draft;
    const isProtected = (this.#dryRun.value?.protected.length ?? 0) > 0;
    return html`<dialog aria-labelledby="review-title" @close=${this.#close}>
      <div class="dialog-head">
        <h2 id="review-title">${texts.review.title}</h2>
        <button class="icon-button" @click=${() => this.dialog.close()}>
          ${icon('close')}<span class="visually-hidden">${texts.review.keep}</span>
        </button>
      </div>
      <div class="dialog-body">
        ${
          this.conflicts.length > 0
            ? html`<hw-conflicts
                .conflicts=${this.conflicts}
                .choices=${this.choices}
                .fields=${this.draft.fields}
                @hw-choose=${({ detail }: CustomEvent<{ conflict: Incoming; choice: Choice }>) =>
                  this.draft.choose(detail.conflict, detail.choice)}
                @hw-edit=${({ detail }: CustomEvent<{ field: Field; text: string }>) =>
                  this.draft.type(detail.field, detail.text)}
              ></hw-conflicts>`
            : nothing
        }
        ${this.#dryRun.render({
          pending: () => (this.#dryRun.value ? this.#renderDryRun(this.#dryRun.value) : loading()),
          complete: (dryRun) => (dryRun ? this.#renderDryRun(dryRun) : this.#renderNothing()),
          error: (error) => errorNotice(error, () => void this.#dryRun.run()),
        })}
        ${this.failure ? errorNotice(this.failure) : nothing}
        ${isProtected ? nothing : this.#renderMessage()}
      </div>
      <div class="dialog-foot">
        ${undecided.length > 0 ? html`<span class="badge warn">${texts.review.undecided(undecided.length)}</span>` : nothing}
        <span class="bar-space"></span>
        <button class="button" @click=${() => this.dialog.close()}>${texts.review.keep}</button>
        ${
          isProtected
            ? nothing
            : html`<button class="button primary" ?disabled=${!this.#mayCommit || this.isBusy} @click=${this.#commit}>
                ${this.conflicts.length > 0 ? texts.review.commitMerged : texts.review.commit}
              </button>`
        }
      </div>
    </dialog>`;
  }

  get #mayCommit(): boolean {
    const { value } = this.#dryRun;
    if (value === null || value === undefined || this.#judged !== this.draft.change) return false;
    return (
      this.#dryRun.status === TaskStatus.COMPLETE &&
      this.draft.undecided.length === 0 &&
      value.problems.length === 0 &&
      value.conflicts.length === 0 &&
      value.protected.length === 0
    );
  }

  #renderNothing(): TemplateResult {
    const { unreadable } = this.draft;
    return unreadable > 0
      ? html`<p class="notice bad">${texts.review.problems}</p>`
      : html`<p class="quiet">${texts.review.nothing}</p>`;
  }

  #renderMessage(): TemplateResult {
    return html`<div class="field">
      <label for="review-message">${texts.review.message}</label>
      <textarea
        id="review-message"
        class="textarea"
        rows="2"
        placeholder=${texts.review.messageHint}
        .value=${this.message}
        @input=${(event: InputEvent) => {
          this.message = (event.target as HTMLTextAreaElement).value;
        }}
      ></textarea>
    </div>`;
  }

  #renderDryRun(dryRun: DryRun): TemplateResult {
    return html`<hw-dry-run .dryRun=${dryRun}></hw-dry-run> ${this.#renderJson()}`;
  }

  /** The same as text, side by side; the editor for it is loaded when somebody asks. */
  #renderJson(): TemplateResult {
    const { draft } = this.draft;
    const config = this.change?.changes[0]?.config;
    if (!draft || !config) return html``;
    return html`<details
      @toggle=${(event: Event) => {
        this.showsJson = (event.target as HTMLDetailsElement).open;
        if (this.showsJson) void import('../elements/hw-json-diff.ts');
      }}
    >
      <summary>${texts.review.asJson}</summary>
      ${
        this.showsJson
          ? html`<hw-json-diff
              .from=${textOfDocument(draft.base)}
              .to=${textOfDocument(config as typeof draft.base)}
            ></hw-json-diff>`
          : nothing
      }
    </details>`;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void this.#commit();
  };

  readonly #commit = async (): Promise<void> => {
    // What was typed a moment ago counts, even before the page has drawn it.
    const { change } = this.draft;
    if (this.isBusy || change === null) return;
    this.#waiting = this.#judged === change ? null : change;
    if (!this.#mayCommit) return;
    this.isBusy = true;
    try {
      const result: EditResult = await commitChange({ ...change, message: this.message.trim() });
      this.dispatchEvent(new CustomEvent('hw-committed', { detail: result }));
    } catch (error) {
      this.failure = error;
      if (error instanceof ApiError && error.status === 409) this.#reload();
    } finally {
      this.isBusy = false;
    }
  };

  #reload(): void {
    const base = this.change?.base ?? '';
    if (base === this.#reloadedFrom) return;
    this.#reloadedFrom = base;
    this.dispatchEvent(new CustomEvent('hw-conflict'));
  }

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent('hw-close'));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-review': HwReview;
  }
}
