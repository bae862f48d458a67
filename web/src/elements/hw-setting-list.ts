import type { SettingChange } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { showValue } from '../format.ts';
import { texts } from '../texts.ts';
import { LightElement } from './light-element.ts';

/** Settings that change: old → new. */
@customElement('hw-setting-list')
export class HwSettingList extends LightElement {
  @property({ attribute: false }) settings: readonly SettingChange[] = [];

  protected override render(): TemplateResult {
    return html`<dl class="settings">${this.settings.map((setting) => this.#renderSetting(setting))}</dl>`;
  }

  #renderSetting({ pointer, from, to, apply, unit }: SettingChange): TemplateResult {
    return html`<div class="setting-change">
      <dt class="mono">${pointer.slice(1)}</dt>
      <dd>
        <del class="old mono">${showValue(from)}</del>
        <span class="visually-hidden">${texts.change.becomes}</span>
        <span aria-hidden="true" class="quiet">→</span>
        <ins class="new mono">${showValue(to)}</ins>
        ${unit && to !== undefined ? html`<span class="quiet small">${unit}</span>` : nothing}
        ${apply === 'restart' ? html`<span class="badge warn">${texts.change.restart}</span>` : nothing}
      </dd>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-setting-list': HwSettingList;
  }
}
