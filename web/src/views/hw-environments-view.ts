import type { ComparedService, EditResult, EnvironmentComparison } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { compareEnvironments, promote, tryPromotion } from '../api/promotions.ts';
import '../elements/hw-change-dialog.ts';
import type { WholeChange } from '../elements/hw-change-dialog.ts';
import { LightElement } from '../elements/light-element.ts';
import { errorNotice, loading } from '../elements/parts.ts';
import { toast } from '../elements/toasts.ts';
import { showValue } from '../format.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';

/** Two environments beside each other: what differs, and a way to take settings from one to the other in one commit. */
@customElement('hw-environments-view')
export class HwEnvironmentsView extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  /** The other environment; "" until it is known. */
  @state() private other = '';
  /** "service pointer" of what shall be taken over. */
  @state() private picked: ReadonlySet<string> = new Set();
  @state() private change: WholeChange | null = null;
  readonly #comparison = new Task(this, {
    task: async ([from, to], { signal }) => (to === '' ? null : compareEnvironments(from, to, signal)),
    args: () => [this.app.env, this.other, this.app.liveVersion] as const,
  });

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const others = this.app.me.environments.filter((name) => name !== this.app.env);
    if (!others.includes(this.other)) this.other = others[0] ?? '';
  }

  protected override render(): TemplateResult {
    const { env } = this.app;
    return html`<div class="page">
      <div class="page-head">
        <h1>${texts.environments.title}</h1>
        <label class="row">
          <span>${texts.environments.between(env)}</span>
          <select class="select fit" @change=${this.#onOther}>
            ${this.app.me.environments
              .filter((name) => name !== env)
              .map((name) => html`<option value=${name} ?selected=${name === this.other}>${name}</option>`)}
          </select>
        </label>
      </div>
      ${
        this.other === ''
          ? html`<p class="empty">${texts.environments.alone}</p>`
          : this.#comparison.render({
              pending: () =>
                this.#comparison.value ? this.#renderComparison(this.#comparison.value) : loading(),
              complete: (found) => (found ? this.#renderComparison(found) : loading()),
              error: (error) => errorNotice(error, () => void this.#comparison.run()),
            })
      }
      ${
        this.change
          ? html`<hw-change-dialog
              .change=${this.change}
              @hw-committed=${this.#onPromoted}
              @hw-close=${() => {
                this.change = null;
              }}
            ></hw-change-dialog>`
          : nothing
      }
    </div>`;
  }

  #renderComparison({ services, equal }: EnvironmentComparison): TemplateResult {
    return html`<p class="quiet">${texts.environments.counts(services.length, equal)}</p>
      ${services.map((service) => this.#renderService(service))}
      ${
        this.picked.size > 0
          ? html`<div class="save-bar" role="region" aria-label=${texts.environments.promote(this.other)}>
              <span>${texts.environments.picked(this.picked.size)}</span>
              <span class="bar-space"></span>
              <button class="button primary" @click=${this.#ask}>${texts.environments.promote(this.other)}</button>
            </div>`
          : nothing
      }`;
  }

  #renderService({ service, only, settings }: ComparedService): TemplateResult {
    const { env } = this.app;
    return html`<section class="card">
      <h2 class="row">
        <a href="/services/${service}?env=${env}">${service}</a>
        ${only ? html`<span class="badge warn">${texts.environments.only(only)}</span>` : nothing}
      </h2>
      ${
        settings.length === 0
          ? nothing
          : html`<div class="matrix" role="table" aria-label=${service}>
              <div class="matrix-row" role="row">
                <span role="columnheader">${texts.environments.setting}</span>
                <span role="columnheader">${env}</span>
                <span role="columnheader">${this.other}</span>
              </div>
              ${settings.map(({ pointer, from, to }) => {
                const key = `${service} ${pointer}`;
                return html`<div class="matrix-row" role="row">
                  <div role="rowheader"><label class="row">
                    <input
                      type="checkbox"
                      class="pick"
                      .checked=${this.picked.has(key)}
                      ?disabled=${only !== undefined}
                      @change=${() => this.#pick(key)}
                    />
                    <span class="mono">${pointer.slice(1)}</span>
                  </label></div>
                  <span role="cell" class="mono">${showValue(from)}</span>
                  <span role="cell" class="mono">${showValue(to)}</span>
                </div>`;
              })}
            </div>`
      }
    </section>`;
  }

  #pick(key: string): void {
    const others = [...this.picked].filter((one) => one !== key);
    this.picked = new Set(this.picked.has(key) ? others : [...others, key]);
  }

  readonly #onOther = (event: Event): void => {
    this.other = (event.target as HTMLSelectElement).value;
    this.picked = new Set();
  };

  readonly #ask = (): void => {
    const settings = [...this.picked].map((key) => {
      const [service = '', pointer = ''] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)];
      return { service, pointer };
    });
    const body = { from: this.app.env, to: this.other, settings };
    this.change = {
      title: texts.environments.promotion(body.from, body.to),
      verb: texts.environments.promote(body.to),
      tryIt: (signal) => tryPromotion(body, signal),
      doIt: () => promote(body),
    };
  };

  readonly #onPromoted = ({ detail }: CustomEvent<EditResult>): void => {
    this.picked = new Set();
    toast(texts.review.done(detail.epoch.seq));
    void this.#comparison.run();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-environments-view': HwEnvironmentsView;
  }
}
