import { consume } from '@lit/context';
import { Task, TaskStatus } from '@lit/task';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { listEpochs } from '../api/history.ts';
import { search } from '../api/search.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';
import { epochItems, type PaletteItem, pageItems, searchItems } from './palette-items.ts';
import { errorNotice } from './parts.ts';

/** Typing pauses this long before the daemon is asked. */
const pauseMs = 80;
const shownHits = 12;
/** Commits that are looked through. */
const lookedAt = 100;

/**
 * Goes anywhere by a few letters: services, settings, commits, pages.
 * @fires hw-close
 */
@customElement('hw-palette')
export class HwPalette extends LightElement {
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private words = '';
  @state() private chosen = 0;
  @query('dialog') private dialog!: HTMLDialogElement;
  readonly #epochs = new Task(this, {
    task: (_, { signal }) => listEpochs({ limit: lookedAt }, signal),
    args: () => [] as const,
  });
  readonly #hits = new Task(this, {
    task: async ([words, env], { signal }) => {
      if (words === '') return null;
      await pause(pauseMs);
      signal.throwIfAborted();
      return search(words, env, shownHits, signal);
    },
    args: () => [this.words.trim(), this.app.env] as const,
  });

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  protected override render(): TemplateResult {
    const items = this.#items();
    const chosen = Math.min(this.chosen, items.length - 1);
    return html`<dialog
      class="palette"
      aria-label=${texts.palette.label}
      @close=${() => this.dispatchEvent(new CustomEvent('hw-close'))}
      @click=${(event: Event) => event.target === this.dialog && this.dialog.close()}
    >
      <div class="palette-head">
        ${icon('search')}
        <input
          class="palette-input"
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck="false"
          aria-label=${texts.palette.label}
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant=${chosen < 0 ? nothing : `palette-${chosen}`}
          placeholder=${texts.palette.hint}
          .value=${this.words}
          @input=${(event: InputEvent) => {
            this.words = (event.target as HTMLInputElement).value;
            this.chosen = 0;
          }}
          @keydown=${(event: KeyboardEvent) => this.#onKey(event, items)}
        />
        <button class="icon-button" @click=${() => this.dialog.close()}>
          ${icon('close')}<span class="visually-hidden">${texts.cancel}</span>
        </button>
      </div>
      <div class="palette-list" role="listbox" id="palette-list" aria-label=${texts.palette.results}>
        ${items.map((item, index) => this.#renderItem(item, index, chosen, items[index - 1]))}
      </div>
      ${this.#renderEnd(items)}
    </dialog>`;
  }

  #renderItem(
    item: PaletteItem,
    index: number,
    chosen: number,
    before: PaletteItem | undefined,
  ): TemplateResult {
    const { group, label, detail } = item;
    return html`${
      group === before?.group
        ? nothing
        : html`<div class="palette-group" role="presentation">${texts.palette.groups[group]}</div>`
    }
      <div
        class="palette-item"
        role="option"
        id="palette-${index}"
        aria-selected=${index === chosen}
        @click=${() => this.#go(item)}
        @pointermove=${() => {
          this.chosen = index;
        }}
      >
        <span>${label}</span> <span class="quiet small mono">${detail}</span>
      </div>`;
  }

  #renderEnd(items: readonly PaletteItem[]): TemplateResult | typeof nothing {
    if (this.#hits.error) return html`<div class="palette-end">${errorNotice(this.#hits.error)}</div>`;
    const isIdle = this.#hits.status !== TaskStatus.PENDING;
    return items.length === 0 && isIdle
      ? html`<p class="empty" role="status">${texts.palette.none}</p>`
      : nothing;
  }

  /** Groups in one order; within a group the best first. */
  #items(): readonly PaletteItem[] {
    const { words, app } = this;
    const hits = words.trim() === '' ? [] : searchItems(this.#hits.value?.hits ?? [], app.env);
    const of = (group: PaletteItem['group']) => hits.filter((one) => one.group === group);
    const epochs = words.trim() === '' ? [] : epochItems(this.#epochs.value?.epochs ?? [], words.trim());
    const pages = pageItems(words.trim(), app.me.environments, app.env);
    return [...of('settings'), ...of('services'), ...pages, ...epochs];
  }

  #onKey(event: KeyboardEvent, items: readonly PaletteItem[]): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && items.length > 0) {
      event.preventDefault();
      this.chosen = (Math.min(this.chosen, items.length - 1) + step + items.length) % items.length;
    } else if (event.key === 'Enter') {
      event.preventDefault();
      void this.#choose();
    }
  }

  /** Enter right after the last letter waits for what the daemon finds for it. */
  async #choose(): Promise<void> {
    await this.updateComplete;
    await this.#hits.taskComplete.catch(() => null);
    await this.updateComplete;
    const items = this.#items();
    const item = items[Math.min(this.chosen, items.length - 1)];
    if (item) this.#go(item);
  }

  #go({ href }: PaletteItem): void {
    this.dialog.close();
    void this.app.router.go(href);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

declare global {
  interface HTMLElementTagNameMap {
    'hw-palette': HwPalette;
  }
}
