import type { EpochEntry } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { listEpochs } from '../api/history.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading } from '../elements/parts.ts';
import { clockOf, dayOf } from '../format.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';

const pageSize = 50;

/** What happened, newest first, day by day. Two commits can be picked and compared. */
@customElement('hw-history-view')
export class HwHistoryView extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private entries: readonly EpochEntry[] | null = null;
  @state() private next: string | null = null;
  @state() private failure: unknown = null;
  @state() private isBusy = false;
  @state() private service = '';
  @state() private author = '';
  @state() private picked: readonly string[] = [];
  #loaded = '';
  #request: AbortController | undefined;

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const wanted = JSON.stringify([this.service, this.author, this.app.liveVersion]);
    if (wanted === this.#loaded) return;
    this.#loaded = wanted;
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#request?.abort();
  }

  protected override render(): TemplateResult {
    const [from, to] = this.picked;
    return html`<div class="page">
      <div class="page-head">
        <h1>${texts.history.title}</h1>
        ${
          from && to
            ? html`<a class="button primary" href="/compare/${from}/${to}">${texts.history.compare}</a>`
            : html`<span class="quiet small">${texts.history.pickHint}</span>`
        }
      </div>
      <div class="row">
        ${this.#renderFilter(texts.history.service, this.service, (value) => {
          this.service = value;
        })}
        ${this.#renderFilter(texts.history.author, this.author, (value) => {
          this.author = value;
        })}
      </div>
      ${this.failure ? errorNotice(this.failure, () => void this.#load()) : nothing}
      ${this.entries === null ? (this.failure ? nothing : loading()) : this.#renderDays(this.entries)}
    </div>`;
  }

  #renderFilter(label: string, value: string, set: (value: string) => void): TemplateResult {
    return html`<input
      class="input grow"
      type="search"
      aria-label=${label}
      placeholder=${label}
      .value=${value}
      @change=${(event: Event) => set((event.target as HTMLInputElement).value.trim())}
    />`;
  }

  #renderDays(entries: readonly EpochEntry[]): TemplateResult {
    if (entries.length === 0) return html`<p class="empty">${texts.history.none}</p>`;
    const days = Map.groupBy(entries, ({ time }) => dayOf(time));
    return html`${[...days].map(
      ([day, ofDay]) =>
        html`<section class="stack">
            <h2 class="day">${day}</h2>
            <ol class="timeline">
              ${ofDay.map((entry) => this.#renderEntry(entry))}
            </ol>
          </section>`,
    )}
      ${
        this.next
          ? html`<div>
              <button class="button" ?disabled=${this.isBusy} @click=${() => void this.#load(this.next)}>
                ${texts.history.more}
              </button>
            </div>`
          : nothing
      }`;
  }

  #renderEntry(entry: EpochEntry): TemplateResult {
    const { epoch, subject, author, time, services, live, reverts } = entry;
    const isPicked = this.picked.includes(epoch.commit);
    return html`<li class="timeline-entry">
      <input
        type="checkbox"
        class="pick"
        .checked=${isPicked}
        aria-label=${texts.history.pick(epoch.seq)}
        @change=${() => this.#pick(epoch.commit)}
      />
      <div class="grow">
        <a class="subject" href="/history/${epoch.commit}">${subject || texts.history.noMessage}</a>
        <p class="quiet small row">
          ${epochBadge(epoch)}
          <span>${author.name}</span>
          <time datetime=${time}>${clockOf(time)}</time>
          ${live.map((env) => html`<span class="badge ok">${texts.history.live(env)}</span>`)}
          ${reverts ? html`<span class="badge">${texts.history.reverts(reverts.slice(0, 7))}</span>` : nothing}
        </p>
      </div>
      <div class="row small">${this.#renderServices(services)}</div>
    </li>`;
  }

  #renderServices(services: EpochEntry['services']): TemplateResult {
    if (services === '*') return html`<span class="badge warn">${texts.history.everything}</span>`;
    const shown = services.slice(0, 4);
    const more = services.length - shown.length;
    return html`${shown.map((name) => html`<span class="badge">${name}</span>`)}${
      more > 0 ? html`<span class="quiet">+${more}</span>` : nothing
    }`;
  }

  /** The two picked last. */
  #pick(commit: string): void {
    this.picked = this.picked.includes(commit)
      ? this.picked.filter((one) => one !== commit)
      : [...this.picked, commit].slice(-2);
  }

  /** @param before Loads the page after this commit; without it everything is loaded anew. */
  async #load(before: string | null = null): Promise<void> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    this.isBusy = true;
    try {
      const page = await listEpochs(
        {
          limit: pageSize,
          before: before ?? undefined,
          service: this.service || undefined,
          author: this.author || undefined,
        },
        request.signal,
      );
      this.entries = before === null ? page.epochs : [...(this.entries ?? []), ...page.epochs];
      this.next = page.next;
      this.failure = null;
    } catch (error) {
      if (!request.signal.aborted) this.failure = error;
    } finally {
      if (this.#request === request) this.isBusy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-history-view': HwHistoryView;
  }
}
