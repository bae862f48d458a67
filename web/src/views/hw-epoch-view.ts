import type { EditResult, EpochDetail } from '@headwater/schemas/http';
import { consume } from '@lit/context';
import { Task } from '@lit/task';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { readEpoch } from '../api/history.ts';
import { revert, tryRevert } from '../api/reverts.ts';
import '../elements/hw-change-dialog.ts';
import type { WholeChange } from '../elements/hw-change-dialog.ts';
import '../elements/hw-change-list.ts';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, errorNotice, loading } from '../elements/parts.ts';
import { toast } from '../elements/toasts.ts';
import { ago, wholeTime } from '../format.ts';
import { type AppState, appContext } from '../state/app-state.ts';
import { texts } from '../texts.ts';

/** One commit: who, when, why, and what it changed. */
@customElement('hw-epoch-view')
export class HwEpochView extends LightElement {
  @property() commit = '';
  /** The address asks to undo it at once. */
  @property({ type: Boolean }) undoes = false;
  @consume({ context: appContext, subscribe: true })
  @state()
  private app!: AppState;
  @state() private change: WholeChange | null = null;
  readonly #epoch = new Task(this, {
    task: ([commit], { signal }) => readEpoch(commit, signal),
    args: () => [this.commit] as const,
    onComplete: (detail) => {
      if (this.undoes) this.#askToUndo(detail);
    },
  });

  protected override render(): TemplateResult {
    return html`<div class="page">
      ${this.#epoch.render({
        pending: () => loading(),
        complete: (epoch) => this.#renderEpoch(epoch),
        error: (error) => errorNotice(error, () => void this.#epoch.run()),
      })}
    </div>`;
  }

  #renderEpoch(detail: EpochDetail): TemplateResult {
    const { subject, epoch, author, time, message, changes, files, more, live, reverts, parents } = detail;
    const body = message.trim().split('\n').slice(1).join('\n').trim();
    const parent = parents[0];
    return html`<div class="stack">
        <a class="small" href="/history">${texts.history.title}</a>
        <div class="page-head">
          <h1>${subject || texts.history.noMessage}</h1>
          ${
            this.app.me.role === 'viewer'
              ? nothing
              : html`<button class="button" @click=${() => this.#askToUndo(detail)}>
                  ${icon('undo')} ${texts.undo.button}
                </button>`
          }
        </div>
        <p class="row quiet">
          ${epochBadge(epoch)}
          <span>${author.name}</span>
          <time datetime=${time} title=${wholeTime(time)}>${ago(time)}</time>
          ${live.map((env) => html`<span class="badge ok">${texts.history.live(env)}</span>`)}
        </p>
        ${
          reverts
            ? html`<p>
                ${texts.history.undoes}
                <a class="mono" href="/history/${reverts}">${reverts.slice(0, 7)}</a>
              </p>`
            : nothing
        }
        ${body ? html`<pre class="message">${body}</pre>` : nothing}
      </div>
      <section class="card">
        <h2>${texts.history.changes}</h2>
        <hw-change-list .changes=${changes}></hw-change-list>
        ${more.changes > 0 ? html`<p class="quiet">${texts.history.moreChanges(more.changes)}</p>` : nothing}
      </section>
      <section class="card">
        <h2>${texts.history.files}</h2>
        <ul class="files">
          ${files.map(
            ({ path, change }) =>
              html`<li class="row"><span class="badge">${texts.history.file[change]}</span><code>${path}</code></li>`,
          )}
        </ul>
        ${more.files > 0 ? html`<p class="quiet">${texts.history.moreFiles(more.files)}</p>` : nothing}
        ${parent ? html`<p class="quiet small mono">${epoch.commit}</p>` : nothing}
      </section>
      ${
        this.change
          ? html`<hw-change-dialog
              .change=${this.change}
              @hw-committed=${this.#onUndone}
              @hw-close=${() => {
                this.change = null;
              }}
            ></hw-change-dialog>`
          : nothing
      }`;
  }

  #askToUndo({ subject, epoch: { commit } }: EpochDetail): void {
    this.change = {
      title: texts.undo.title(subject || texts.history.noMessage),
      verb: texts.undo.verb,
      tryIt: (signal) => tryRevert({ commit }, signal),
      doIt: () => revert({ commit }),
    };
  }

  readonly #onUndone = ({ detail }: CustomEvent<EditResult>): void => {
    toast(texts.undo.done(detail.epoch.seq));
    void this.app.router.go(`/history/${detail.commit}`);
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-epoch-view': HwEpochView;
  }
}
