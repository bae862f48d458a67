import type { EnvironmentState, HeldItem } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';

/** Items shown before the rest is only counted. */
const shownItems = 3;

/** Something newer waits and is not live: on every page, with what is wrong and both ways out. */
@customElement('hw-held-banner')
export class HwHeldBanner extends LightElement {
  @property({ attribute: false }) environment!: EnvironmentState;

  protected override render(): TemplateResult | typeof nothing {
    const { env, held, heldTotal, status } = this.environment;
    if (status === 'ok' || heldTotal === 0) return nothing;
    return html`<section class="held-banner" role="status" aria-label=${texts.held.label}>
      <strong class="row">${icon('warning')} ${texts.held.title(env, heldTotal)}</strong>
      <p>${texts.held.meaning}</p>
      <ul class="stack">
        ${held.slice(0, shownItems).map((item) => this.#renderItem(item))}
      </ul>
      ${heldTotal > shownItems ? html`<p class="small">${texts.held.more(heldTotal - shownItems)}</p>` : nothing}
    </section>`;
  }

  #renderItem({ service, since, message, hint, pointer, file }: HeldItem): TemplateResult {
    const { env } = this.environment;
    return html`<li>
      <span><strong>${service === '*' ? env : service}</strong>: ${message}
      ${pointer || file ? html`<code>${file ?? ''} ${pointer ?? ''}</code>` : nothing}</span>
      <div class="row">
        ${
          service === '*'
            ? nothing
            : html`<a class="button" href="/services/${service}?env=${env}${pointer ? `&setting=${encodeURIComponent(pointer)}` : ''}"
                >${texts.held.fix}</a
              >`
        }
        <a class="button" href="/history/${since}?undo=1">${texts.held.undo(since.slice(0, 7))}</a>
        <span class="small">${hint}</span>
      </div>
    </li>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-held-banner': HwHeldBanner;
  }
}
