import type { ServiceList, ServiceSummary } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { listServices } from '../api/services.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading, stateBadge } from '../elements/parts.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';

/** Every service of the environment. */
@customElement('hw-services-view')
export class HwServicesView extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private filter = '';
  readonly #list = new Task(this, {
    task: ([env], { signal }) => listServices(env, signal),
    args: () => [this.app.env, this.app.liveVersion] as const,
  });

  protected override render(): TemplateResult {
    return html`<div class="page">
      <div class="page-head"><h1>${texts.services.title}</h1></div>
      ${this.#list.render({
        // While fresh data loads the old stays: a page that flickers with every epoch cannot be read.
        pending: () => (this.#list.value ? this.#renderList(this.#list.value) : loading()),
        complete: (list) => this.#renderList(list),
        error: (error) => errorNotice(error, () => void this.#list.run()),
      })}
    </div>`;
  }

  #renderList({ services }: ServiceList): TemplateResult {
    if (services.length === 0)
      return html`<div class="empty"><h2>${texts.services.empty}</h2><p>${texts.services.emptyHint}</p></div>`;
    const shown = services.filter((service) => matches(service, this.filter));
    return html`<div class="row">
        <input
          class="input grow"
          type="search"
          aria-label=${texts.services.filter}
          placeholder=${texts.services.filterHint}
          .value=${this.filter}
          @input=${(event: InputEvent) => {
            this.filter = (event.target as HTMLInputElement).value;
          }}
        />
        <span class="quiet small" role="status">${texts.services.count(shown.length, services.length)}</span>
      </div>
      ${
        shown.length === 0
          ? html`<p class="empty">${texts.services.none}</p>`
          : html`<div class="table-wrap">${this.#renderTable(shown)}</div>`
      }`;
  }

  #renderTable(services: readonly ServiceSummary[]): TemplateResult {
    const { columns } = texts.services;
    return html`<table>
      <thead>
        <tr>
          <th scope="col">${columns.service}</th>
          <th scope="col">${columns.state}</th>
          <th scope="col">${columns.epoch}</th>
          <th scope="col">${columns.clients}</th>
          <th scope="col">${columns.owner}</th>
        </tr>
      </thead>
      <tbody>
        ${services.map((service) => this.#renderRow(service))}
      </tbody>
    </table>`;
  }

  #renderRow({ service, epoch, held, clients, owner, tags }: ServiceSummary): TemplateResult {
    return html`<tr>
      <td><a href="/services/${service}?env=${this.app.env}">${service}</a></td>
      <td>${held ? stateBadge('warn', texts.status.held) : stateBadge('ok', texts.status.ok)}</td>
      <td>${epochBadge(epoch)}</td>
      <td>${clients === 0 ? html`<span class="quiet">0</span>` : clients}</td>
      <td>
        <div class="row">
          ${owner ?? nothing} ${tags.map((tag) => html`<span class="badge">${tag}</span>`)}
        </div>
      </td>
    </tr>`;
  }
}

function matches({ service, owner, tags, folder }: ServiceSummary, filter: string): boolean {
  const text = [service, owner ?? '', ...tags, folder].join(' ').toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-services-view': HwServicesView;
  }
}
