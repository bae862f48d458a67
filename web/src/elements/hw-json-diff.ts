import { json } from '@codemirror/lang-json';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { css, html, LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import { jsonTheme } from './json-theme.ts';

/** Narrower than this, the two sides stand in one column. */
const sideBySidePx = 700;

/** Two JSON texts and what differs. In a shadow root: only there may CodeMirror bring styles under the page's policy. */
@customElement('hw-json-diff')
export class HwJsonDiff extends LitElement {
  static override styles = css`
    :host {
      display: block;
      overflow: auto;
      max-height: 50vh;
      border: 1px solid var(--line);
      border-radius: var(--radius);
    }
  `;
  @property() from = '';
  @property() to = '';
  @query('div') private place!: HTMLElement;
  #view: { destroy(): void } | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#view?.destroy();
  }

  protected override render(): TemplateResult {
    return html`<div></div>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.#view?.destroy();
    this.#view = this.clientWidth < sideBySidePx ? this.#unified() : this.#sideBySide();
  }

  #sideBySide(): MergeView {
    return new MergeView({
      a: { doc: this.from, extensions: extensions(texts.review.before) },
      b: { doc: this.to, extensions: extensions(texts.review.yours) },
      parent: this.place,
      root: this.renderRoot as ShadowRoot,
      collapseUnchanged: { margin: 3, minSize: 6 },
      gutter: true,
    });
  }

  #unified(): EditorView {
    return new EditorView({
      parent: this.place,
      root: this.renderRoot as ShadowRoot,
      state: EditorState.create({
        doc: this.to,
        extensions: [
          ...extensions(texts.review.yours),
          unifiedMergeView({ original: this.from, mergeControls: false, collapseUnchanged: { margin: 3 } }),
        ],
      }),
    });
  }
}

const extensions = (label: string) => [
  json(),
  jsonTheme,
  EditorView.lineWrapping,
  EditorView.editable.of(false),
  EditorState.readOnly.of(true),
  // Not editable, but it scrolls: the keyboard must get there.
  EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
];

declare global {
  interface HTMLElementTagNameMap {
    'hw-json-diff': HwJsonDiff;
  }
}
