import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { logIn } from '../api/session.ts';
import { texts } from '../texts.ts';
import { codeText } from './code-text.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';
import { errorNotice } from './parts.ts';

/**
 * Asks for a token. As a page of its own before the start, or over the page when a session ended: then nothing behind it is lost.
 * @fires hw-logged-in
 */
@customElement('hw-login')
export class HwLogin extends LightElement {
  /** Over the page that somebody was working on. */
  @property({ type: Boolean }) again = false;
  /** Why the last attempt did not work. */
  @property({ attribute: false }) failure: unknown = null;
  @state() private isBusy = false;
  @query('dialog') private dialog!: HTMLDialogElement | null;
  @query('input') private input!: HTMLInputElement;

  protected override firstUpdated(): void {
    this.dialog?.showModal();
    this.input.focus();
  }

  protected override render(): TemplateResult {
    const form = this.#renderForm();
    return this.again
      ? html`<dialog aria-labelledby="login-title" @cancel=${(event: Event) => event.preventDefault()}>
          <div class="dialog-body">${form}</div>
        </dialog>`
      : html`<main class="login" id="content">${form}</main>`;
  }

  #renderForm(): TemplateResult {
    return html`<form class="card login-card" @submit=${this.#onSubmit}>
      <h1 id="login-title" class="row">${icon('services', 28)} ${texts.app.name}</h1>
      <p class="quiet">${this.again ? texts.login.again : texts.login.lead}</p>
      <div class="field">
        <label for="token">${texts.login.token}</label>
        <input
          id="token"
          class="input mono"
          name="token"
          type="password"
          autocomplete="current-password"
          spellcheck="false"
          required
          aria-describedby="token-help"
        />
        <p class="quiet small" id="token-help">${texts.login.tokenHelp}</p>
      </div>
      ${this.failure ? errorNotice(this.failure) : nothing}
      <button class="button primary" ?disabled=${this.isBusy}>${texts.login.button}</button>
      <p class="quiet small">${codeText(texts.login.link)}</p>
    </form>`;
  }

  readonly #onSubmit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    this.isBusy = true;
    try {
      await logIn({ token: this.input.value.trim() });
      this.failure = null;
      this.input.value = '';
      // The focus goes back to where somebody was.
      this.dialog?.close();
      this.dispatchEvent(new CustomEvent('hw-logged-in'));
    } catch (error) {
      this.failure = error;
      this.input.select();
    } finally {
      this.isBusy = false;
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-login': HwLogin;
  }
}
