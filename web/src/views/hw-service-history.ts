import type { HistoryEntry, ServiceHistory } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { readHistory } from '../api/history.ts';
import '../elements/hw-setting-list.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading } from '../elements/parts.ts';
import { ago, wholeTime } from '../format.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';

const pageSize = 30;

/** Who changed a service, or one setting of it, when, and from what to what. */
@customElement('hw-service-history')
export class HwServiceHistory extends LightElement {
  @property() service = '';
  /** One setting; "" = all. */
  @property() pointer = '';
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  /** Pages after the first. */
  @state() private older: readonly HistoryEntry[] = [];
  @state() private next: string | null = null;
  readonly #first = new Task(this, {
    task: ([service, env, pointer], { signal }) =>
      readHistory({ service, env, pointer: pointer || undefined, limit: pageSize }, signal),
    args: () => [this.service, this.app.env, this.pointer, this.app.liveVersion] as const,
    onComplete: ({ next }) => {
      this.older = [];
      this.next = next;
    },
  });
  readonly #more = new Task(this, {
    autoRun: false,
    task: ([before]: readonly [string], { signal }) => {
      const { service, pointer } = this;
      const query = { service, env: this.app.env, pointer: pointer || undefined, limit: pageSize, before };
      return readHistory(query, signal);
    },
    onComplete: ({ entries, next }) => {
      this.older = [...this.older, ...entries];
      this.next = next;
    },
  });

  protected override render(): TemplateResult {
    return html`<div class="stack">
      ${
        this.pointer
          ? html`<p class="row">
              <span class="badge">${texts.service.historyOf(this.pointer.slice(1))}</span>
              <a href="/services/${this.service}?env=${this.app.env}&tab=history">${texts.service.wholeHistory}</a>
            </p>`
          : nothing
      }
      ${this.#first.render({
        pending: () => (this.#first.value ? this.#renderEntries(this.#first.value) : loading()),
        complete: (history) => this.#renderEntries(history),
        error: (error) => errorNotice(error, () => void this.#first.run()),
      })}
    </div>`;
  }

  #renderEntries({ entries }: ServiceHistory): TemplateResult {
    const all = [...entries, ...this.older];
    if (all.length === 0)
      return html`<p class="empty">${this.pointer ? texts.service.noSettingHistory : texts.service.noHistory}</p>`;
    return html`<ol class="timeline">${all.map((entry) => this.#renderEntry(entry))}</ol>
      ${this.#more.error ? errorNotice(this.#more.error) : nothing}
      ${
        this.next
          ? html`<div>
              <button class="button" @click=${() => this.next && void this.#more.run([this.next])}>
                ${texts.history.more}
              </button>
            </div>`
          : nothing
      }`;
  }

  #renderEntry(entry: HistoryEntry): TemplateResult {
    const { epoch, subject, author, time, changes, schemaChanged, secretsChanged, reverts } = entry;
    return html`<li class="timeline-entry">
      <div class="grow stack">
        <div>
          <a class="subject" href="/history/${epoch.commit}">${subject || texts.history.noMessage}</a>
          <p class="quiet small row">
            ${epochBadge(epoch)} <span>${author.name}</span>
            <time datetime=${time} title=${wholeTime(time)}>${ago(time)}</time>
            ${reverts ? html`<span class="badge">${texts.history.reverts(reverts.slice(0, 7))}</span>` : nothing}
          </p>
        </div>
        ${changes.length > 0 ? html`<hw-setting-list .settings=${changes}></hw-setting-list>` : nothing}
        ${schemaChanged ? html`<p class="quiet small">${texts.change.schema}</p>` : nothing}
        ${secretsChanged ? html`<p class="row small">${icon('lock', 16)} ${texts.change.secrets}</p>` : nothing}
      </div>
    </li>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-service-history': HwServiceHistory;
  }
}
