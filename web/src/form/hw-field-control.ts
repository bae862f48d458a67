import type { JsonValue } from '@headwater/schemas/protocol';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { LightElement } from '../elements/light-element.ts';
import { texts } from '../texts.ts';
import type { Field } from './fields.ts';

/**
 * The native control of one field. It shows text and reports text; what the text means is the draft's business.
 * @fires hw-text what was typed, as `detail`
 */
@customElement('hw-field-control')
export class HwFieldControl extends LightElement {
  @property({ attribute: false }) field!: Field;
  /** What stands in the control. */
  @property() text = '';
  /** Value that shows through while nothing is typed. */
  @property() placeholder = '';
  @property() controlId = '';
  @property() describedBy = '';
  @property({ type: Boolean }) invalid = false;
  @property({ type: Boolean }) disabled = false;

  protected override render(): TemplateResult {
    const { field } = this;
    switch (field.kind) {
      case 'switch':
        return html`<input
          type="checkbox"
          role="switch"
          class="switch"
          id=${this.controlId}
          aria-describedby=${this.describedBy || nothing}
          ?disabled=${this.disabled}
          .checked=${live(this.text === 'true')}
          @change=${(event: Event) => this.#report(String((event.target as HTMLInputElement).checked))}
        />`;
      case 'choice':
        return this.#renderChoice();
      case 'lines':
      case 'list':
      case 'json':
        return html`<textarea
          class="textarea ${field.kind === 'lines' ? '' : 'mono'}"
          id=${this.controlId}
          rows=${Math.min(8, Math.max(3, this.text.split('\n').length))}
          placeholder=${this.placeholder}
          spellcheck=${field.kind === 'lines'}
          aria-describedby=${this.describedBy || nothing}
          aria-invalid=${this.invalid}
          ?disabled=${this.disabled}
          .value=${live(this.text)}
          @input=${this.#onInput}
        ></textarea>`;
      default:
        return html`<span class="with-unit">
          <input
            class="input ${field.kind === 'number' ? 'number mono' : ''}"
            id=${this.controlId}
            type="text"
            inputmode=${field.kind === 'number' ? (field.limits.integer ? 'numeric' : 'decimal') : nothing}
            autocomplete="off"
            spellcheck="false"
            placeholder=${this.placeholder}
            aria-describedby=${this.describedBy || nothing}
            aria-invalid=${this.invalid}
            ?disabled=${this.disabled}
            .value=${live(this.text)}
            @input=${this.#onInput}
          />
          ${field.unit ? html`<span class="unit quiet">${field.unit}</span>` : nothing}
        </span>`;
    }
  }

  #renderChoice(): TemplateResult {
    const { field } = this;
    const isKnown = field.options.some((option) => optionText(option) === this.text);
    return html`<select
      class="select"
      id=${this.controlId}
      aria-describedby=${this.describedBy || nothing}
      aria-invalid=${this.invalid}
      ?disabled=${this.disabled}
      .value=${live(this.text)}
      @change=${(event: Event) => this.#report((event.target as HTMLSelectElement).value)}
    >
      ${field.nullable ? html`<option value="" ?selected=${this.text === ''}>${texts.form.nothing}</option>` : nothing}
      ${
        isKnown || (field.nullable && this.text === '')
          ? nothing
          : html`<option value=${this.text} selected disabled>${this.text || this.placeholder}</option>`
      }
      ${field.options.map(
        (option) =>
          html`<option value=${optionText(option)} ?selected=${optionText(option) === this.text}>
            ${optionText(option)}
          </option>`,
      )}
    </select>`;
  }

  readonly #onInput = (event: Event): void => {
    this.#report((event.target as HTMLInputElement | HTMLTextAreaElement).value);
  };

  #report(text: string): void {
    this.dispatchEvent(new CustomEvent('hw-text', { detail: text, bubbles: true }));
  }
}

const optionText = (option: JsonValue): string =>
  typeof option === 'string' ? option : JSON.stringify(option);

declare global {
  interface HTMLElementTagNameMap {
    'hw-field-control': HwFieldControl;
  }
}
