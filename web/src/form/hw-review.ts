import type { DryRun, EditResult } from '@headwater/schemas/http';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type Change, commitChange, tryChange } from '../api/edits.ts';
import { ApiError } from '../api/http.ts';
import '../elements/hw-change-list.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { errorNotice, loading } from '../elements/parts.ts';
import { texts } from '../texts.ts';

/**
 * The last look before a commit: what changes, whom it reaches, why. The review is the save.
 * @fires hw-committed the EditResult, as `detail`
 * @fires hw-conflict the ApiError, as `detail`
 * @fires hw-close
 */
@customElement('hw-review')
export class HwReview extends LightElement {
  @property({ attribute: false }) change!: Change;
  @state() private message = '';
  @state() private failure: unknown = null;
  @state() private isBusy = false;
  @query('dialog') private dialog!: HTMLDialogElement;
  readonly #dryRun = new Task(this, {
    task: ([change], { signal }) => tryChange(change, signal),
    args: () => [this.change] as const,
  });

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const result = this.#dryRun.value;
    const mayCommit =
      result !== undefined &&
      result.problems.length === 0 &&
      result.conflicts.length === 0 &&
      result.protected.length === 0;
    return html`<dialog aria-labelledby="review-title" @close=${this.#close} @keydown=${this.#onKey}>
      <div class="dialog-head">
        <h2 id="review-title">${texts.review.title}</h2>
        <button class="icon-button" @click=${() => this.dialog.close()}>
          ${icon('close')}<span class="visually-hidden">${texts.review.keep}</span>
        </button>
      </div>
      <div class="dialog-body">
        ${this.#dryRun.render({
          pending: () => loading(),
          complete: (dryRun) => this.#renderDryRun(dryRun),
          error: (error) => errorNotice(error, () => void this.#dryRun.run()),
        })}
        ${this.failure ? errorNotice(this.failure) : nothing}
        <div class="field">
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
        </div>
      </div>
      <div class="dialog-foot">
        <button class="button" @click=${() => this.dialog.close()}>${texts.review.keep}</button>
        <button class="button primary" ?disabled=${!mayCommit || this.isBusy} @click=${this.#commit}>
          ${texts.review.commit}
        </button>
      </div>
    </dialog>`;
  }

  #renderDryRun({ changes, problems, conflicts, reach, merged, protected: envs }: DryRun): TemplateResult {
    const sum = (of: 'live' | 'restart') => reach.reduce((total, one) => total + one[of], 0);
    const [live, restart] = [sum('live'), sum('restart')];
    return html`${
      problems.length > 0
        ? html`<div class="notice bad" role="alert">
              <strong>${texts.review.problems}</strong>
              <ul>
                ${problems.map(
                  ({ service, env, pointer, message, hint }) =>
                    html`<li>
                      <span class="mono small">${[service, env, pointer].filter(Boolean).join(' ')}</span>
                      ${message} ${hint ? html`<span class="quiet">${hint}</span>` : nothing}
                    </li>`,
                )}
              </ul>
            </div>`
        : nothing
    }
      ${conflicts.length > 0 ? html`<p class="notice warn">${texts.review.conflict}</p>` : nothing}
      ${envs.length > 0 ? html`<p class="notice warn">${texts.review.protected(envs.join(', '))}</p>` : nothing}
      <hw-change-list .changes=${changes}></hw-change-list>
      <p class="row small">
        ${live + restart === 0 ? html`<span class="quiet">${texts.review.nobody}</span>` : nothing}
        ${live > 0 ? html`<span class="badge ok">${texts.review.live(live)}</span>` : nothing}
        ${restart > 0 ? html`<span class="badge warn">${texts.review.restart(restart)}</span>` : nothing}
        ${merged ? html`<span class="badge">${texts.review.merged}</span>` : nothing}
      </p>`;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void this.#commit();
  };

  readonly #commit = async (): Promise<void> => {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      const result: EditResult = await commitChange({ ...this.change, message: this.message.trim() });
      this.dispatchEvent(new CustomEvent('hw-committed', { detail: result }));
    } catch (error) {
      this.failure = error;
      if (error instanceof ApiError && error.status === 409)
        this.dispatchEvent(new CustomEvent('hw-conflict', { detail: error }));
    } finally {
      this.isBusy = false;
    }
  };

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent('hw-close'));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-review': HwReview;
  }
}
