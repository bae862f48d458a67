import type { SettingProblem } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { texts } from '../texts.ts';
import type { GoneEdit } from './draft.ts';
import { type Field, leavesOf } from './fields.ts';

/**
 * What is to be known of a draft and belongs to no row: edits whose setting is gone, another tab, problems elsewhere.
 * @fires hw-dismiss
 */
@customElement('hw-draft-notices')
export class HwDraftNotices extends LightElement {
  @property({ attribute: false }) gone: readonly GoneEdit[] = [];
  @property({ attribute: false }) isElsewhere = false;
  @property({ attribute: false }) problems: readonly SettingProblem[] = [];
  @property({ attribute: false }) fields: readonly Field[] = [];

  protected override render(): TemplateResult {
    const leaves = leavesOf(this.fields);
    const homeless = this.problems.filter(
      ({ pointer }) =>
        !leaves.some((one) => pointer === one.pointer || pointer.startsWith(`${one.pointer}/`)),
    );
    return html`${this.gone.length > 0 ? this.#renderGone() : nothing}
      ${this.isElsewhere ? html`<p class="notice warn" role="status">${texts.form.elsewhere}</p>` : nothing}
      ${
        homeless.length > 0
          ? html`<div class="notice bad" role="status">
              <strong class="row">${icon('warning')} ${texts.form.otherProblems}</strong>
              <ul>
                ${homeless.map(
                  ({ service, env, pointer, message, hint }) =>
                    html`<li>
                      <span class="mono small">${[service, env, pointer].filter(Boolean).join(' ')}</span> ${message}
                      ${hint ? html`<span class="quiet">${hint}</span>` : nothing}
                    </li>`,
                )}
              </ul>
            </div>`
          : nothing
      }`;
  }

  #renderGone(): TemplateResult {
    return html`<div class="notice warn" role="alert">
      <span>${texts.form.gone}</span>
      <dl class="settings">
        ${this.gone.map(
          ({ pointer, text }) =>
            html`<div class="setting-change"><dt class="mono">${pointer.slice(1)}</dt><dd class="mono">${text}</dd></div>`,
        )}
      </dl>
      <div>
        <button class="button" @click=${() => this.dispatchEvent(new CustomEvent('hw-dismiss'))}>
          ${texts.form.goneDismiss}
        </button>
      </div>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-draft-notices': HwDraftNotices;
  }
}
