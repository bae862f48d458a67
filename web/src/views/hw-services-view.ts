import type { ServiceList, ServiceSummary } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { ref } from 'lit/directives/ref.js';
import { repeat } from 'lit/directives/repeat.js';
import { listServices } from '../api/services.ts';
import { codeText } from '../elements/code-text.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading, stateBadge } from '../elements/parts.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { WindowController } from '../state/window-controller.ts';
import { texts } from '../texts.ts';
import {
  hasChip,
  type SearchableService,
  type ServiceChip,
  type ServiceOrder,
  searchable,
  selectServices,
} from './services-order.ts';

/** As in the stylesheet: a row, and a card on a narrow screen. */
const rowPx = 48;
const cardPx = 104;
const narrow = window.matchMedia('(max-width: 720px)');

/** Every service of the environment: found, sorted, and only those on the screen drawn. */
@customElement('hw-services-view')
export class HwServicesView extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private filter = '';
  @state() private chips: ReadonlySet<ServiceChip> = new Set();
  @state() private order: ServiceOrder = 'name';
  readonly #window = new WindowController(this, '.service-rows');
  #known: Known | null = null;
  #found: Found | null = null;
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

  #renderList(list: ServiceList): TemplateResult {
    if (list.services.length === 0)
      return html`<div class="empty"><h2>${texts.services.empty}</h2><p>${codeText(texts.services.emptyHint)}</p></div>`;
    const shown = this.#find(list);
    this.#window.show(shown.length, narrow.matches ? cardPx : rowPx);
    return html`${this.#renderToolbar(shown.length, list.services.length)}
      ${shown.length === 0 ? html`<p class="empty">${texts.services.none}</p>` : this.#renderTable(shown)}`;
  }

  /** Found anew only when something changed: scrolling draws many times a second. */
  #find(list: ServiceList): readonly ServiceSummary[] {
    if (this.#known?.list !== list) this.#known = knownOf(list);
    const { filter, chips, order } = this;
    const wanted: readonly unknown[] = [this.#known, filter, chips, order];
    if (!this.#found?.wanted.every((one, index) => one === wanted[index]))
      this.#found = { wanted, shown: selectServices(this.#known.services, filter, chips, order) };
    return this.#found.shown;
  }

  #renderToolbar(shown: number, all: number): TemplateResult {
    return html`<div class="toolbar">
      <input
        class="input grow"
        type="search"
        data-filter
        aria-label=${texts.services.filter}
        placeholder=${texts.services.filterHint}
        .value=${this.filter}
        @input=${(event: InputEvent) => {
          this.filter = (event.target as HTMLInputElement).value;
        }}
      />
      <div class="row" role="group" aria-label=${texts.services.chipsLabel}>
        ${(Object.keys(texts.services.chips) as ServiceChip[]).map((chip) => this.#renderChip(chip))}
      </div>
      <label class="row">
        <span class="quiet small">${texts.services.order}</span>
        <select
          class="select fit"
          @change=${(event: Event) => {
            this.order = (event.target as HTMLSelectElement).value as ServiceOrder;
          }}
        >
          ${Object.entries(texts.services.orders).map(
            ([order, label]) =>
              html`<option value=${order} ?selected=${order === this.order}>${label}</option>`,
          )}
        </select>
      </label>
      <span class="quiet small" role="status">${texts.services.count(shown, all)}</span>
    </div>`;
  }

  #renderChip(chip: ServiceChip): TemplateResult | typeof nothing {
    const isOn = this.chips.has(chip);
    const count = this.#known?.counts.get(chip) ?? 0;
    if (count === 0 && !isOn) return nothing;
    return html`<button
      class="chip"
      aria-pressed=${isOn}
      @click=${() => {
        const others = [...this.chips].filter((one) => one !== chip);
        this.chips = new Set(isOn ? others : [...others, chip]);
      }}
    >
      ${texts.services.chips[chip]} ${count}
    </button>`;
  }

  #renderTable(services: readonly ServiceSummary[]): TemplateResult {
    const { columns } = texts.services;
    const { first, end } = this.#window;
    const height = narrow.matches ? cardPx : rowPx;
    return html`<div class="service-table" role="table" aria-rowcount=${services.length + 1} aria-label=${texts.services.title}>
      <div class="service-head" role="rowgroup">
        <div class="service-row" role="row">
          ${[columns.service, columns.state, columns.epoch, columns.clients, columns.owner].map(
            (name) => html`<span role="columnheader">${name}</span>`,
          )}
        </div>
      </div>
      <div class="service-rows" role="rowgroup" ${ref((element) => setHeight(element, services.length * height))}>
        <div class="service-window" ${ref((element) => setTop(element, first * height))}>
          ${repeat(
            services.slice(first, end),
            ({ service }) => service,
            (service, index) => this.#renderRow(service, first + index),
          )}
        </div>
      </div>
    </div>`;
  }

  #renderRow(service: ServiceSummary, index: number): TemplateResult {
    const { service: name, epoch, held, clients, owner, tags, undelivered } = service;
    return html`<div class="service-row" role="row" aria-rowindex=${index + 2}>
      <span role="rowheader"><a class="stretched" href="/services/${name}?env=${this.app.env}">${name}</a></span>
      <span role="cell"
        >${held ? stateBadge('warn', texts.status.held) : stateBadge('ok', texts.status.ok)}${
          undelivered ? stateBadge('warn', texts.services.chips.undelivered) : nothing
        }</span
      >
      <span role="cell">${epochBadge(epoch)}</span>
      <span role="cell" class=${clients === 0 ? 'quiet' : ''}>${texts.services.clients(clients)}</span>
      <span role="cell" class="service-owner"
        >${owner ?? nothing} ${tags.map((tag) => html`<span class="badge">${tag}</span>`)}</span
      >
    </div>`;
  }
}

interface Known {
  readonly list: ServiceList;
  readonly services: readonly SearchableService[];
  /** Services that have a chip. */
  readonly counts: ReadonlyMap<ServiceChip, number>;
}

interface Found {
  /** What was asked for. */
  readonly wanted: readonly unknown[];
  readonly shown: readonly ServiceSummary[];
}

function knownOf(list: ServiceList): Known {
  const chips = Object.keys(texts.services.chips) as ServiceChip[];
  const countOf = (chip: ServiceChip) => list.services.filter((service) => hasChip(service, chip)).length;
  return {
    list,
    services: searchable(list.services),
    counts: new Map(chips.map((chip) => [chip, countOf(chip)])),
  };
}

/** Through the object model: the page's policy allows no style attributes. */
function setHeight(element: Element | undefined, px: number): void {
  if (element instanceof HTMLElement) element.style.height = `${px}px`;
}

function setTop(element: Element | undefined, px: number): void {
  if (element instanceof HTMLElement) element.style.transform = `translateY(${px}px)`;
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-services-view': HwServicesView;
  }
}
