import type { Me } from '@headwater/schemas/http';
import { provide } from '@lit/context';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { ApiError, whenLoggedOut } from '../api/http.ts';
import { logIn, logOut, readMe } from '../api/session.ts';
import { pages, routeTable } from '../pages.ts';
import { matchRoute, type Route, Router } from '../router.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { LiveController } from '../state/live.ts';
import { readPreference, writePreference } from '../state/preferences.ts';
import { texts } from '../texts.ts';
import './hw-login.ts';
import './hw-shell.ts';
import './toasts.ts';
import { LightElement } from './light-element.ts';
import { errorNotice, loading } from './parts.ts';

/** The whole editor: logs in, finds the page of the address, and keeps the environment that is looked at. */
@customElement('hw-app')
export class HwApp extends LightElement {
  @state() private me: Me | null = null;
  @state() private phase: 'starting' | 'login' | 'ready' | 'failed' = 'starting';
  /** The session ended while somebody worked: the page stays as it is behind the login. */
  @state() private isLoggedOut = false;
  @state() private route: Route | null = null;
  @state() private loadedPage = '';
  @state() private failure: unknown = null;
  @provide({ context: appContext })
  @state()
  private app!: AppState;
  readonly #live = new LiveController(this);
  readonly #router = new Router(routeTable, (route) => this.#onRoute(route));

  override connectedCallback(): void {
    super.connectedCallback();
    whenLoggedOut(() => {
      if (this.phase === 'ready') this.isLoggedOut = true;
    });
    void this.#start();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (this.me === null) return;
    const env = this.#environmentOf(this.me);
    this.#live.follow(this.isLoggedOut ? null : env);
    const { version: liveVersion } = this.#live;
    const app = this.app;
    if (app?.me !== this.me || app.env !== env || app.liveVersion !== liveVersion)
      this.app = { me: this.me, env, router: this.#router, liveVersion };
  }

  protected override render(): TemplateResult {
    switch (this.phase) {
      case 'starting':
        return loading();
      case 'login':
        return html`<hw-login .failure=${this.failure} @hw-logged-in=${this.#onLogin}></hw-login>`;
      case 'failed':
        return html`<main class="page">${errorNotice(this.failure, () => void this.#start())}</main>`;
      default:
        return this.#renderReady();
    }
  }

  #renderReady(): TemplateResult {
    return html`<hw-shell
        .environment=${this.#live.environment}
        .retryInSeconds=${this.#live.retryInSeconds}
        .page=${this.route?.page ?? ''}
        .content=${this.#renderPage()}
        @hw-environment=${(event: CustomEvent<string>) => this.#chooseEnvironment(event.detail)}
        @hw-log-out=${() => void this.#logOut()}
      ></hw-shell>
      <hw-toasts></hw-toasts>
      ${
        this.isLoggedOut
          ? html`<hw-login again .failure=${this.failure} @hw-logged-in=${this.#onLogin}></hw-login>`
          : nothing
      }`;
  }

  #renderPage(): TemplateResult {
    const page = this.route && pages[this.route.page];
    if (!this.route || !page) return this.#renderMissing();
    if (this.failure)
      return html`<div class="page">${errorNotice(this.failure, () => location.reload())}</div>`;
    return this.loadedPage === this.route.page ? page.render(this.route) : loading();
  }

  #renderMissing(): TemplateResult {
    return html`<div class="empty">
      <h1>${texts.error.missing}</h1>
      <p>${texts.error.missingHint}</p>
      <a class="button" href="/">${texts.error.toServices}</a>
    </div>`;
  }

  async #start(): Promise<void> {
    this.phase = 'starting';
    const login = new URLSearchParams(location.hash.slice(1)).get('login');
    this.failure = null;
    // The page comes while the daemon says who asks: one way there and back less before something is seen.
    const page = matchRoute(routeTable, location.pathname)?.page ?? '';
    pages[page]?.load().catch(() => undefined); // Asked for again, with its error, when it is shown.
    try {
      if (login !== null) {
        // The link is used up: it must not stay in the address bar or the history.
        history.replaceState(null, '', location.pathname + location.search);
        await logIn({ login });
      }
      await this.#enter();
    } catch (error) {
      this.failure = login === null && isLoginNeeded(error) ? null : error;
      this.phase = isLoginNeeded(error) ? 'login' : 'failed';
    }
  }

  readonly #onLogin = async (): Promise<void> => {
    try {
      await this.#enter();
    } catch (error) {
      this.failure = error;
    }
  };

  async #enter(): Promise<void> {
    this.me = await readMe();
    this.failure = null;
    this.isLoggedOut = false;
    if (this.phase !== 'ready') {
      this.phase = 'ready';
      this.#router.start();
    }
  }

  async #logOut(): Promise<void> {
    // A logout that did not arrive must not look like one that did.
    try {
      await logOut();
      location.assign('/');
    } catch (error) {
      this.failure = error;
    }
  }

  #onRoute(route: Route | null): void {
    const isOther = route?.page !== this.route?.page;
    this.route = route;
    if (route && isOther) void this.#load(route.page);
    if (isOther) window.scrollTo(0, 0);
  }

  async #load(name: string): Promise<void> {
    try {
      await pages[name]?.load();
      this.loadedPage = name;
      this.failure = null;
    } catch (error) {
      // Most likely the daemon was updated and the old chunk is gone, or it is not there at all.
      this.failure = new ApiError(0, 'OFFLINE', texts.error.offline, { hint: String(error) });
    }
  }

  /** The environment that the address names, else the one looked at last, else the first. */
  #environmentOf({ environments }: Me): string {
    const wanted = [this.route?.query.get('env'), readPreference('environment')];
    return wanted.find((env) => env && environments.includes(env)) ?? environments[0] ?? '';
  }

  #chooseEnvironment(env: string): void {
    writePreference('environment', env);
    const url = new URL(location.href);
    url.searchParams.set('env', env);
    void this.#router.go(url.href, { replace: true });
    this.requestUpdate();
  }
}

const isLoginNeeded = (error: unknown): boolean => error instanceof ApiError && error.status === 401;

declare global {
  interface HTMLElementTagNameMap {
    'hw-app': HwApp;
  }
}
