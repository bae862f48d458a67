import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { readService, type TaggedService } from '../api/services.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading } from '../elements/parts.ts';
import { type AppState, appContext } from '../state/app-state.ts';

/** One service: its settings. */
@customElement('hw-service-view')
export class HwServiceView extends LightElement {
  @property() service = '';
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  readonly #document = new Task(this, {
    task: ([env, service], { signal }) => readService(env, service, signal),
    args: () => [this.app.env, this.service, this.app.liveVersion] as const,
  });

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${this.#document.render({
        pending: () => (this.#document.value ? this.#renderService(this.#document.value) : loading()),
        complete: (tagged) => this.#renderService(tagged),
        error: (error) => errorNotice(error, () => void this.#document.run()),
      })}
    </div>`;
  }

  #renderService({ document }: TaggedService): TemplateResult {
    return html`<div class="page-head">
        <h1>${document.service}</h1>
        ${epochBadge(document.epoch)}
      </div>
      <pre class="card small">${JSON.stringify(document.config, null, 2)}</pre>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-service-view': HwServiceView;
  }
}
