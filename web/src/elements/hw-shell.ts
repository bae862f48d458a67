import type { EnvironmentState } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type AppState, appContext } from '../state/app-state.ts';
import { Shortcuts } from '../state/shortcuts.ts';
import { texts } from '../texts.ts';
import './hw-held-banner.ts';
import './hw-theme-switch.ts';
import { type IconName, icon } from './icons.ts';
import { LightElement } from './light-element.ts';
import { epochBadge, stateBadge } from './parts.ts';

interface Entry {
  readonly page: string;
  readonly href: string;
  readonly icon: IconName;
  readonly label: string;
}

/** Main navigation, in the order of daily use. Pages of one entry share its mark: a service belongs to "Services". */
const entries: readonly Entry[] = [
  { page: 'services', href: '/', icon: 'services', label: texts.nav.services },
  { page: 'history', href: '/history', icon: 'history', label: texts.nav.history },
  { page: 'environments', href: '/environments', icon: 'environments', label: texts.nav.environments },
  { page: 'fleet', href: '/fleet', icon: 'fleet', label: texts.nav.fleet },
];

const entryOfPage: Readonly<Record<string, string>> = {
  service: 'services',
  epoch: 'history',
  compare: 'history',
};

/**
 * What surrounds every page: bar, navigation, the state of the connection.
 * @fires hw-environment the environment that was chosen, as `detail`
 * @fires hw-log-out
 */
@customElement('hw-shell')
export class HwShell extends LightElement {
  @property({ attribute: false }) environment: EnvironmentState | null = null;
  /** Seconds until the daemon is tried again; `null` = connected. */
  @property({ attribute: false }) retryInSeconds: number | null = null;
  @property() page = '';
  @property({ attribute: false }) content: TemplateResult | typeof nothing = nothing;
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private isMenuOpen = false;
  @state() private opened: 'palette' | 'shortcuts' | null = null;
  readonly shortcuts = new Shortcuts(this, {
    openPalette: () => this.#open('palette'),
    openHelp: () => this.#open('shortcuts'),
    go: (path) => void this.app.router.go(path),
  });

  protected override render(): TemplateResult {
    return html`<a class="skip-link" href="#content">${texts.app.skip}</a>
      <header class="bar">
        <button
          class="icon-button menu-button"
          aria-expanded=${this.isMenuOpen}
          aria-controls="navigation"
          @click=${this.#toggleMenu}
        >
          ${icon(this.isMenuOpen ? 'close' : 'menu')}
          <span class="visually-hidden">${this.isMenuOpen ? texts.nav.closeMenu : texts.nav.menu}</span>
        </button>
        <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28" /> ${texts.app.name}</a>
        <button class="search-button" @click=${() => this.#open('palette')}>
          ${icon('search')} <span>${texts.search.open}</span> <kbd>${texts.search.hint}</kbd>
        </button>
        <span class="bar-space"></span>
        ${this.#renderEnvironment()} ${this.#renderEpoch()}
      </header>
      <nav id="navigation" class="side" aria-label=${texts.nav.label} ?data-open=${this.isMenuOpen}>
        <ul class="side-list">
          ${entries.map((entry) => this.#renderEntry(entry))}
        </ul>
        <div class="side-foot">
          <hw-theme-switch></hw-theme-switch>
          <button class="button plain" @click=${() => this.#open('shortcuts')}>
            ${icon('help')} ${texts.shortcuts.open}
          </button>
          <button class="button plain" @click=${this.#logOut}>${icon('out')} ${texts.login.out}</button>
          <span class="quiet small">${this.app.me.name} · ${this.app.me.role}</span>
        </div>
      </nav>
      <div class="content">
        ${this.#renderConnection()}
        ${this.environment ? html`<hw-held-banner .environment=${this.environment}></hw-held-banner>` : nothing}
        <main id="content" tabindex="-1">${this.content}</main>
      </div>
      ${this.opened === 'palette' ? html`<hw-palette @hw-close=${this.#onClose}></hw-palette>` : nothing}
      ${this.opened === 'shortcuts' ? html`<hw-shortcuts @hw-close=${this.#onClose}></hw-shortcuts>` : nothing}`;
  }

  #renderEntry(entry: Entry): TemplateResult {
    const isCurrent = (entryOfPage[this.page] ?? this.page) === entry.page;
    return html`<li>
      <a
        class="side-link"
        href=${entry.href}
        aria-current=${isCurrent ? 'page' : nothing}
        @click=${() => {
          this.isMenuOpen = false;
        }}
        >${icon(entry.icon)} ${entry.label}</a
      >
    </li>`;
  }

  #renderEnvironment(): TemplateResult {
    const { me, env } = this.app;
    return html`<label class="environment">
      <span class="visually-hidden">${texts.environment.label}</span>
      <select class="select" @change=${this.#onEnvironment}>
        ${me.environments.map((name) => html`<option value=${name} ?selected=${name === env}>${name}</option>`)}
      </select>
    </label>`;
  }

  #renderEpoch(): TemplateResult | typeof nothing {
    const { environment } = this;
    if (!environment) return nothing;
    const { status, epoch } = environment;
    return html`<span class="bar-epoch" aria-live="polite"
      >${epochBadge(epoch)}${status === 'ok' ? nothing : stateBadge('warn', texts.status[status])}</span
    >`;
  }

  #renderConnection(): TemplateResult | typeof nothing {
    if (this.retryInSeconds === null) return nothing;
    return html`<div class="notice warn connection" role="status">
      <span class="row">${icon('warning')} ${texts.connection.lost(this.retryInSeconds)}</span>
    </div>`;
  }

  /** Both are loaded when somebody asks for them. */
  #open(what: 'palette' | 'shortcuts'): void {
    this.opened = what;
    this.isMenuOpen = false;
    void (what === 'palette' ? import('./hw-palette.ts') : import('./hw-shortcuts.ts'));
  }

  readonly #onClose = (): void => {
    this.opened = null;
  };

  readonly #toggleMenu = (): void => {
    this.isMenuOpen = !this.isMenuOpen;
  };

  readonly #onEnvironment = (event: Event): void => {
    const detail = (event.target as HTMLSelectElement).value;
    this.dispatchEvent(new CustomEvent('hw-environment', { detail }));
  };

  readonly #logOut = (): void => {
    this.dispatchEvent(new CustomEvent('hw-log-out'));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-shell': HwShell;
  }
}
