import type { ClientList, ClientView } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { ref } from 'lit/directives/ref.js';
import { listClients } from '../api/clients.ts';
import { LightElement } from '../elements/light-element.ts';
import { errorNotice, loading } from '../elements/parts.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';
import './hw-clients-table.ts';
import { type FleetState, fleetStates, isIn, sortClients } from './fleet-order.ts';

/** Most clients in the table; more are counted, and found by the filter. */
const shownClients = 200;

/** Who runs what, in one environment: counts first, those that need a look on top. */
@customElement('hw-fleet-view')
export class HwFleetView extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private filter = '';
  @state() private only: FleetState | null = null;
  readonly #list = new Task(this, {
    task: ([env], { signal }) => listClients(env, signal),
    args: () => [this.app.env, this.app.liveVersion] as const,
  });

  protected override render(): TemplateResult {
    return html`<div class="page">
      <div class="page-head"><h1>${texts.fleet.title}</h1></div>
      ${this.#list.render({
        pending: () => (this.#list.value ? this.#renderFleet(this.#list.value) : loading()),
        complete: (list) => this.#renderFleet(list),
        error: (error) => errorNotice(error, () => void this.#list.run()),
      })}
    </div>`;
  }

  #renderFleet({ clients }: ClientList): TemplateResult {
    const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const found = sortClients(clients).filter(
      (client) =>
        (this.only === null || isIn(client, this.only)) &&
        words.every((word) =>
          `${client.clientId} ${client.service} ${client.reason ?? ''}`.toLowerCase().includes(word),
        ),
    );
    return html`${clients.length > 0 ? this.#renderBar(clients) : nothing}
      <div class="toolbar">
        <input
          class="input grow"
          type="search"
          data-filter
          aria-label=${texts.fleet.filter}
          placeholder=${texts.fleet.filterHint}
          .value=${this.filter}
          @input=${(event: InputEvent) => {
            this.filter = (event.target as HTMLInputElement).value;
          }}
        />
        <div class="row" role="group" aria-label=${texts.fleet.only}>
          ${fleetStates.map((one) => this.#renderChip(one, clients))}
        </div>
        <span class="quiet small" role="status">${texts.fleet.count(found.length, clients.length)}</span>
      </div>
      <hw-clients-table named .clients=${found.slice(0, shownClients)}></hw-clients-table>
      ${
        found.length > shownClients
          ? html`<p class="quiet">${texts.fleet.more(found.length - shownClients)}</p>`
          : nothing
      }`;
  }

  /** One bar for the whole fleet, as wide as there are clients of a kind. The chips below say the same in numbers. */
  #renderBar(clients: readonly ClientView[]): TemplateResult {
    const countOf = (one: FleetState) => clients.filter((client) => isIn(client, one)).length;
    return html`<div class="fleet-bar" aria-hidden="true">
      ${(['current', 'behind', 'attention', 'offline'] as const).map((one) => {
        const count = countOf(one);
        return count === 0
          ? nothing
          : html`<span class="fleet-part ${one}" ${ref((element) => setGrow(element, count))}></span>`;
      })}
    </div>`;
  }

  #renderChip(one: FleetState, clients: readonly ClientView[]): TemplateResult | typeof nothing {
    const count = clients.filter((client) => isIn(client, one)).length;
    const isOn = this.only === one;
    if (count === 0 && !isOn) return nothing;
    return html`<button
      class="chip"
      aria-pressed=${isOn}
      @click=${() => {
        this.only = isOn ? null : one;
      }}
    >
      ${texts.fleet.states[one]} ${count}
    </button>`;
  }
}

/** Through the object model: the page's policy allows no style attributes. */
function setGrow(element: Element | undefined, count: number): void {
  if (element instanceof HTMLElement) element.style.flexGrow = String(count);
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-fleet-view': HwFleetView;
  }
}
