import type { SecretResult } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { removeSecret, setSecret } from '../api/secrets.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { errorNotice } from '../elements/parts.ts';
import { toast } from '../elements/toasts.ts';
import { ago, wholeTime } from '../format.ts';
import { texts } from '../texts.ts';

/**
 * A secret: whether there is one, and a way to put in another. Its value is never shown, never part of a draft and never kept; it is
 * sealed by the daemon and committed by itself.
 */
@customElement('hw-secret-field')
export class HwSecretField extends LightElement {
  @property() service = '';
  /** Layer it would be set in. */
  @property() layer = '';
  @property() pointer = '';
  @property() name = '';
  @property() controlId = '';
  @property({ attribute: false }) isSet = false;
  /** RFC 3339; "" = nobody knows. */
  @property() changedAt = '';
  @property({ type: Boolean }) disabled = false;
  @state() private isOpen = false;
  @state() private isBusy = false;
  @state() private failure: unknown = null;
  @query('input') private input!: HTMLInputElement | null;

  protected override render(): TemplateResult {
    return html`<div class="secret stack">
      <div class="row">
        ${icon('lock', 16)} <span>${this.isSet ? texts.form.secretSet : texts.form.secretMissing}</span>
        ${
          this.changedAt
            ? html`<time class="quiet small" datetime=${this.changedAt} title=${wholeTime(this.changedAt)}
                >${ago(this.changedAt)}</time
              >`
            : nothing
        }
      </div>
      ${this.disabled ? nothing : this.isOpen ? this.#renderInput() : this.#renderButtons()}
      ${this.failure ? errorNotice(this.failure) : nothing}
    </div>`;
  }

  #renderButtons(): TemplateResult {
    const { form } = texts;
    return html`<div class="row">
      <button class="button" @click=${this.#open}>
        ${this.isSet ? form.secretReplace : form.secretPut}<span class="visually-hidden">: ${this.name}</span>
      </button>
      ${
        this.isSet
          ? html`<button class="button plain" ?disabled=${this.isBusy} @click=${this.#remove}>
              ${form.secretRemove}<span class="visually-hidden">: ${this.name}</span>
            </button>`
          : nothing
      }
    </div>`;
  }

  #renderInput(): TemplateResult {
    return html`<form class="stack" @submit=${this.#save}>
      <input
        class="input mono"
        id=${this.controlId}
        type="password"
        aria-label=${texts.form.secretValue(this.name)}
        autocomplete="new-password"
        spellcheck="false"
        required
      />
      <div class="row">
        <button class="button primary" ?disabled=${this.isBusy}>${texts.form.secretSave(texts.form.layer(this.layer))}</button>
        <button class="button plain" type="button" @click=${this.#close}>${texts.cancel}</button>
      </div>
    </form>`;
  }

  readonly #open = async (): Promise<void> => {
    this.isOpen = true;
    await this.updateComplete;
    this.input?.focus();
  };

  readonly #close = (): void => {
    this.isOpen = false;
    this.failure = null;
  };

  readonly #save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const value = this.input?.value ?? '';
    await this.#change(() => setSecret(this, value));
    if (!this.failure) this.isOpen = false;
  };

  readonly #remove = async (): Promise<void> => {
    const { name, layer } = this;
    if (confirm(texts.form.secretRemoveAsk(name, texts.form.layer(layer))))
      await this.#change(() => removeSecret(this));
  };

  async #change(work: () => Promise<SecretResult>): Promise<void> {
    this.isBusy = true;
    this.failure = null;
    try {
      const { changed, epoch, held } = await work();
      const waiting = held?.map(({ env }) => env).join(', ');
      if (waiting) toast(texts.review.held(waiting));
      else toast(changed ? texts.review.done(epoch.seq) : texts.review.nothing);
    } catch (error) {
      this.failure = error;
    } finally {
      this.isBusy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-secret-field': HwSecretField;
  }
}
