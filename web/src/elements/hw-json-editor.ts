import {
  autocompletion,
  type CompletionContext,
  closeBrackets,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, foldGutter, indentOnInput } from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { parsePointer } from '@headwater/schemas/protocol';
import { findNodeAtLocation, getNodePath, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { css, html, LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import type { Field } from '../form/fields.ts';
import { completionsAt } from '../form/json-completions.ts';
import { texts } from '../texts.ts';
import { jsonTheme } from './json-theme.ts';

/**
 * A layer as JSON, with completion from the schema and marks where something is wrong. In a shadow root: only there may CodeMirror bring
 * styles under the page's policy.
 * @fires hw-text what was written, as `detail`
 */
@customElement('hw-json-editor')
export class HwJsonEditor extends LitElement {
  static override styles = css`
    :host {
      display: block;
      overflow: hidden;
      border: 1px solid var(--line);
      border-radius: var(--radius-card);
    }
    .cm-editor {
      min-height: 320px;
      max-height: 70vh;
    }
  `;
  @property() text = '';
  @property() label = '';
  @property({ attribute: false }) fields: readonly Field[] = [];
  /** What is wrong, by pointer. */
  @property({ attribute: false }) problems: ReadonlyMap<string, string> = new Map();
  @property({ type: Boolean }) disabled = false;
  @query('div') private place!: HTMLElement;
  readonly #marks = new Compartment();
  readonly #editable = new Compartment();
  #view: EditorView | null = null;
  /** The text comes from outside: nobody wrote it here. */
  #isFollowing = false;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#view?.destroy();
    this.#view = null;
  }

  protected override render(): TemplateResult {
    return html`<div></div>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const view = this.#view ?? this.#open();
    if (changed.has('text') && !saysTheSame(view.state.doc.toString(), this.text)) this.#follow(view);
    if (changed.has('disabled')) view.dispatch({ effects: this.#editable.reconfigure(this.#access()) });
    if (changed.has('problems') || changed.has('text'))
      view.dispatch({ effects: this.#marks.reconfigure(this.#lint()) });
  }

  #open(): EditorView {
    const view = new EditorView({
      parent: this.place,
      root: this.renderRoot as ShadowRoot,
      state: EditorState.create({
        doc: this.text,
        extensions: [
          lineNumbers(),
          foldGutter({ openText: '−', closedText: '+' }),
          history(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          json(),
          jsonTheme,
          EditorView.lineWrapping,
          autocompletion({ override: [(context) => this.#complete(context)], icons: false }),
          // Tab leaves the editor, as it leaves every other field.
          keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': this.label }),
          this.#editable.of(this.#access()),
          this.#marks.of(this.#lint()),
          lintGutter(),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged && !this.#isFollowing)
              this.dispatchEvent(new CustomEvent('hw-text', { detail: state.doc.toString() }));
          }),
        ],
      }),
    });
    this.#view = view;
    return view;
  }

  #follow(view: EditorView): void {
    this.#isFollowing = true;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: this.text } });
    this.#isFollowing = false;
  }

  #access() {
    return [EditorView.editable.of(!this.disabled), EditorState.readOnly.of(this.disabled)];
  }

  #lint() {
    return linter(({ state }) => diagnosticsOf(state.doc.toString(), this.problems), { delay: 150 });
  }

  #complete(context: CompletionContext) {
    const found = completionsAt(context.state.doc.toString(), context.pos, this.fields);
    if (!found || (!context.explicit && found.from === context.pos)) return null;
    return {
      from: found.from,
      to: found.to,
      filter: false,
      options: matching(found.options, context.state.sliceDoc(found.from, context.pos)).map(
        ({ label, insert, detail, info }) => ({ label, apply: insert, detail, info }),
      ),
    };
  }
}

const matching = <T extends { readonly label: string; readonly detail: string }>(
  options: readonly T[],
  typed: string,
): readonly T[] => {
  const word = typed.replaceAll('"', '').toLowerCase();
  return options.filter(({ label, detail }) => `${label} ${detail}`.toLowerCase().includes(word));
};

function diagnosticsOf(text: string, problems: ReadonlyMap<string, string>): Diagnostic[] {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors);
  const [broken] = errors;
  if (broken)
    return [
      {
        from: Math.min(broken.offset, text.length),
        to: Math.min(broken.offset + Math.max(broken.length, 1), text.length),
        severity: 'error',
        message: texts.field.notJson,
      },
    ];
  return [...problems].map(([pointer, message]) => {
    const node = root && nearest(root, parsePointer(pointer));
    return {
      from: node?.offset ?? 0,
      to: (node?.offset ?? 0) + (node?.length ?? 0),
      severity: 'error',
      message,
    };
  });
}

/** The node at a path, or the innermost around it. */
function nearest(root: Node, path: readonly string[]): Node {
  for (let length = path.length; length > 0; length--) {
    const found = findNodeAtLocation(root, path.slice(0, length) as string[]);
    if (found && getNodePath(found).length === length) return found;
  }
  return root;
}

/** Formatting is the author's: text that means the same is left as it is. */
function saysTheSame(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-json-editor': HwJsonEditor;
  }
}
