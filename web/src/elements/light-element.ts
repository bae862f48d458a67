import { LitElement } from 'lit';

/**
 * Base of pages and form rows. They render into the document itself, so one stylesheet dresses them, `label for` and
 * `aria-describedby` work across the page, and the browser's own find sees all of it.
 */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
