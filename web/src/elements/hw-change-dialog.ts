import type { DryRun, EditResult } from '@headwater/schemas/http';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import './hw-dry-run.ts';
import { mayBecomeCommit } from './hw-dry-run.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';
import { errorNotice, loading } from './parts.ts';

/** A change that the daemon makes as a whole: an undo, a promotion, a preset. */
export interface WholeChange {
  readonly title: string;
  /** Word on the button. */
  readonly verb: string;
  tryIt(signal: AbortSignal): Promise<DryRun>;
  doIt(): Promise<EditResult>;
}

/**
 * Shows exactly what a whole change will do, then does it.
 * @fires hw-committed the EditResult, as `detail`
 * @fires hw-close
 */
@customElement('hw-change-dialog')
export class HwChangeDialog extends LightElement {
  @property({ attribute: false }) change!: WholeChange;
  @state() private failure: unknown = null;
  @state() private isBusy = false;
  @query('dialog') private dialog!: HTMLDialogElement;
  readonly #dryRun = new Task(this, {
    task: ([change], { signal }) => change.tryIt(signal),
    args: () => [this.change] as const,
  });

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const dryRun = this.#dryRun.value;
    return html`<dialog
      aria-labelledby="change-title"
      @close=${() => this.dispatchEvent(new CustomEvent('hw-close'))}
      @keydown=${this.#onKey}
    >
      <div class="dialog-head">
        <h2 id="change-title">${this.change.title}</h2>
        <button class="icon-button" @click=${() => this.dialog.close()}>
          ${icon('close')}<span class="visually-hidden">${texts.cancel}</span>
        </button>
      </div>
      <div class="dialog-body">
        ${this.#dryRun.render({
          pending: () => loading(),
          complete: (found) => html`<hw-dry-run .dryRun=${found}></hw-dry-run>`,
          error: (error) => errorNotice(error, () => void this.#dryRun.run()),
        })}
        ${this.failure ? errorNotice(this.failure) : nothing}
      </div>
      <div class="dialog-foot">
        <button class="button" @click=${() => this.dialog.close()}>${texts.cancel}</button>
        <button
          class="button primary"
          ?disabled=${this.isBusy || dryRun === undefined || !mayBecomeCommit(dryRun)}
          @click=${this.#do}
        >
          ${this.change.verb}
        </button>
      </div>
    </dialog>`;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void this.#do();
  };

  readonly #do = async (): Promise<void> => {
    const dryRun = this.#dryRun.value;
    if (this.isBusy || dryRun === undefined || !mayBecomeCommit(dryRun)) return;
    this.isBusy = true;
    try {
      const detail = await this.change.doIt();
      this.dispatchEvent(new CustomEvent('hw-committed', { detail }));
      this.dialog.close();
    } catch (error) {
      this.failure = error;
    } finally {
      this.isBusy = false;
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-change-dialog': HwChangeDialog;
  }
}
