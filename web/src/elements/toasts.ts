/** Short messages that come and go by themselves, read aloud by screen readers, with one action at most. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { LightElement } from './light-element.ts';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; run(): void };
}

/** Long enough to read and to reach the action. */
const shownMs = 8_000;

let show: (toast: Toast) => void = () => {};

/** Shows a toast; the newest is on top. */
export function toast(text: string, action?: Toast['action']): void {
  show({ text, ...(action === undefined ? {} : { action }) });
}

@customElement('hw-toasts')
export class HwToasts extends LightElement {
  @state() private toasts: readonly Toast[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    show = (one) => {
      this.toasts = [one, ...this.toasts].slice(0, 3);
      setTimeout(() => this.#remove(one), shownMs);
    };
  }

  protected override render(): TemplateResult {
    return html`<div class="toasts" role="status" aria-live="polite">
      ${this.toasts.map(
        (one) =>
          html`<div class="toast">
            <span>${one.text}</span>
            ${
              one.action
                ? html`<button
                    class="link-button"
                    @click=${() => {
                      one.action?.run();
                      this.#remove(one);
                    }}
                  >
                    ${one.action.label}
                  </button>`
                : nothing
            }
          </div>`,
      )}
    </div>`;
  }

  #remove(one: Toast): void {
    this.toasts = this.toasts.filter((other) => other !== one);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-toasts': HwToasts;
  }
}
