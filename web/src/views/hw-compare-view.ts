import type { Comparison } from '@headwater/schemas/http';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { compareEpochs } from '../api/history.ts';
import '../elements/hw-change-list.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading } from '../elements/parts.ts';
import { texts } from '../texts.ts';

/** What differs between two commits, from the older to the newer. */
@customElement('hw-compare-view')
export class HwCompareView extends LightElement {
  @property() from = '';
  @property() to = '';
  readonly #comparison = new Task(this, {
    task: async ([from, to], { signal }) => {
      const found = await compareEpochs(from, to, signal);
      return found.from.seq <= found.to.seq ? found : compareEpochs(to, from, signal);
    },
    args: () => [this.from, this.to] as const,
  });

  protected override render(): TemplateResult {
    return html`<div class="page">
      <div class="stack">
        <a class="small" href="/history">${texts.history.title}</a>
        <h1>${texts.history.comparison}</h1>
      </div>
      ${this.#comparison.render({
        pending: () => loading(),
        complete: (comparison) => this.#renderComparison(comparison),
        error: (error) => errorNotice(error, () => void this.#comparison.run()),
      })}
    </div>`;
  }

  #renderComparison({ from, to, changes, more }: Comparison): TemplateResult {
    return html`<p class="row">${epochBadge(from)} <span aria-hidden="true">→</span> ${epochBadge(to)}</p>
      <section class="card">
        <hw-change-list .changes=${changes}></hw-change-list>
        ${more.changes > 0 ? html`<p class="quiet">${texts.history.moreChanges(more.changes)}</p>` : nothing}
      </section>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-compare-view': HwCompareView;
  }
}
