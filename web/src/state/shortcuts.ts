/** Keys that work on every page. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

export interface ShortcutActions {
  openPalette(): void;
  openHelp(): void;
  go(path: string): void;
}

/** Second key after "g". */
export const places: Readonly<Record<string, string>> = {
  s: '/',
  h: '/history',
  f: '/fleet',
  e: '/environments',
};

/** "g" counts this long. */
const sequenceMs = 1_000;

export class Shortcuts implements ReactiveController {
  readonly #actions: ShortcutActions;
  #leaderAt = Number.NEGATIVE_INFINITY;

  constructor(host: ReactiveControllerHost, actions: ShortcutActions) {
    this.#actions = actions;
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener('keydown', this.#onKey);
  }

  hostDisconnected(): void {
    document.removeEventListener('keydown', this.#onKey);
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      this.#actions.openPalette();
      return;
    }
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isTyping(event) ||
      document.querySelector('dialog[open]')
    )
      return;
    const isSecond = event.timeStamp - this.#leaderAt < sequenceMs;
    this.#leaderAt = event.key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY;
    const place = isSecond ? places[event.key] : undefined;
    if (place !== undefined) this.#actions.go(place);
    else if (event.key === '?') this.#actions.openHelp();
    else if (event.key === '/') focusFilter(event);
  };
}

function focusFilter(event: KeyboardEvent): void {
  const filter = document.querySelector<HTMLInputElement>('[data-filter]');
  if (!filter) return;
  event.preventDefault();
  filter.focus();
  filter.select();
}

/** Letters belong to whoever writes them. */
function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
