import { html, type TemplateResult } from 'lit';
import { customElement, query } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';

/**
 * Every key there is.
 * @fires hw-close
 */
@customElement('hw-shortcuts')
export class HwShortcuts extends LightElement {
  @query('dialog') private dialog!: HTMLDialogElement;

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    return html`<dialog
      class="narrow"
      aria-labelledby="shortcuts-title"
      @close=${() => this.dispatchEvent(new CustomEvent('hw-close'))}
    >
      <div class="dialog-head">
        <h2 id="shortcuts-title">${texts.shortcuts.title}</h2>
        <button class="icon-button" @click=${() => this.dialog.close()}>
          ${icon('close')}<span class="visually-hidden">${texts.shortcuts.close}</span>
        </button>
      </div>
      <div class="dialog-body">
        <dl class="shortcuts">
          ${texts.shortcuts.all.map(
            ([keys, what]) =>
              html`<div>
                <dt>${keys.split(' ').map((key) => html`<kbd>${key}</kbd>`)}</dt>
                <dd>${what}</dd>
              </div>`,
          )}
        </dl>
      </div>
    </dialog>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-shortcuts': HwShortcuts;
  }
}
