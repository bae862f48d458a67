/**
 * Addresses and pages. A small router of our own: it knows patterns like "/services/:service", keeps the browser's history, and asks
 * before somebody leaves a page with unsaved edits.
 */

export interface Route {
  /** Name of the page. */
  readonly page: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** Pattern → page. */
export type RouteTable = Readonly<Record<string, string>>;

/** Matches a path; `null` when no pattern fits. Of two that fit, the one without parameters wins. */
export function matchRoute(table: RouteTable, path: string, search = ''): Route | null {
  const parts = path.split('/').filter((part) => part !== '');
  const query = new URLSearchParams(search);
  let best: Route | null = null;
  for (const [pattern, page] of Object.entries(table)) {
    const params = matchPattern(pattern, parts);
    if (params === null) continue;
    if (Object.keys(params).length === 0) return { page, params, query };
    best ??= { page, params, query };
  }
  return best;
}

function matchPattern(pattern: string, parts: readonly string[]): Record<string, string> | null {
  const wanted = pattern.split('/').filter((part) => part !== '');
  if (wanted.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = decode(parts[index] ?? '');
    if (part === null) return null;
    if (want.startsWith(':')) params[want.slice(1)] = part;
    else if (want !== part) return null;
  }
  return params;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** Asked before a page is left; false keeps it. */
export type LeaveGuard = (to: URL) => boolean | Promise<boolean>;

export class Router {
  readonly #table: RouteTable;
  readonly #onChange: (route: Route | null) => void;
  readonly #guards = new Set<LeaveGuard>();
  #at = '';

  constructor(table: RouteTable, onChange: (route: Route | null) => void) {
    this.#table = table;
    this.#onChange = onChange;
  }

  /** Follows links and the browser's own buttons from now on. @returns Stops. */
  start(): () => void {
    const onClick = (event: MouseEvent) => this.#onClick(event);
    const onPop = () => void this.#onPop();
    const onUnload = (event: BeforeUnloadEvent) => {
      if (this.#guards.size > 0) event.preventDefault();
    };
    document.addEventListener('click', onClick);
    window.addEventListener('popstate', onPop);
    window.addEventListener('beforeunload', onUnload);
    this.#show();
    return () => {
      document.removeEventListener('click', onClick);
      window.removeEventListener('popstate', onPop);
      window.removeEventListener('beforeunload', onUnload);
    };
  }

  /** Goes to an address of the editor, unless a guard keeps the page. @returns Whether it went. */
  async go(to: string, { replace = false }: { readonly replace?: boolean } = {}): Promise<boolean> {
    const url = new URL(to, location.href);
    if (!(await this.#mayLeave(url))) return false;
    if (replace) history.replaceState(null, '', url);
    else if (url.href !== location.href) history.pushState(null, '', url);
    this.#show();
    return true;
  }

  /** Guards the page against being left, in this editor and by closing the tab. @returns Lifts the guard. */
  guard(guard: LeaveGuard): () => void {
    this.#guards.add(guard);
    return () => void this.#guards.delete(guard);
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (!link?.href || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || /^\/(api|git|docs|health|metrics)(\/|$)/.test(url.pathname)) return;
    if (url.pathname === location.pathname && url.search === location.search && url.hash !== '') return;
    event.preventDefault();
    void this.go(url.href);
  }

  async #onPop(): Promise<void> {
    const url = new URL(location.href);
    // The browser has moved already: put the address back while the guard asks.
    if (this.#guards.size > 0 && url.href !== this.#at) {
      history.pushState(null, '', this.#at);
      if (!(await this.#mayLeave(url))) return;
      history.replaceState(null, '', url);
    }
    this.#show();
  }

  async #mayLeave(to: URL): Promise<boolean> {
    const from = new URL(this.#at || location.href);
    // A tab or a filter of the same page is not leaving it.
    if (to.pathname === from.pathname) return true;
    for (const guard of this.#guards) if (!(await guard(to))) return false;
    return true;
  }

  #show(): void {
    this.#at = location.href;
    this.#onChange(matchRoute(this.#table, location.pathname, location.search));
  }
}
