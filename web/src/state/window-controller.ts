import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Rows drawn beyond the edges of the screen, so that a flick shows no gap before the next frame. */
const overscan = 12;

/**
 * Which rows of a long list are near the screen. Rows have one height; the page scrolls, not the list, so the browser's own scrolling,
 * its bar and the keyboard work as everywhere.
 */
export class WindowController implements ReactiveController {
  first = 0;
  /** Behind the last row. */
  end = 60;
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #selector: string;
  #rows = 0;
  #rowPx = 48;
  #frame = 0;

  /** @param selector The element whose top is the top of the first row. */
  constructor(host: ReactiveControllerHost & HTMLElement, selector: string) {
    this.#host = host;
    this.#selector = selector;
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener('scroll', this.#onMove, { passive: true });
    window.addEventListener('resize', this.#onMove, { passive: true });
  }

  hostDisconnected(): void {
    window.removeEventListener('scroll', this.#onMove);
    window.removeEventListener('resize', this.#onMove);
    cancelAnimationFrame(this.#frame);
  }

  /** Tells how many rows there are. */
  show(rows: number, rowPx: number): void {
    if (rows === this.#rows && rowPx === this.#rowPx) return;
    this.#rows = rows;
    this.#rowPx = rowPx;
    this.#measure();
  }

  hostUpdated(): void {
    this.#onMove();
  }

  readonly #onMove = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (this.#measure()) this.#host.requestUpdate();
    });
  };

  /** @returns Whether other rows are to be drawn. */
  #measure(): boolean {
    const list = this.#host.querySelector(this.#selector);
    const above = list ? Math.max(0, -list.getBoundingClientRect().top) : 0;
    const first = Math.min(
      Math.max(0, Math.floor(above / this.#rowPx) - overscan),
      Math.max(0, this.#rows - 1),
    );
    const onScreen = Math.ceil(window.innerHeight / this.#rowPx);
    const end = Math.min(this.#rows, first + onScreen + 2 * overscan);
    if (first === this.first && end === this.end) return false;
    this.first = first;
    this.end = end;
    return true;
  }
}
