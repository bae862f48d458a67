import type { DryRun } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import { codeText } from './code-text.ts';
import './hw-change-list.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';

/** Whether a change that was tried may become a commit. */
export const mayBecomeCommit = ({ problems, conflicts, protected: envs, changes }: DryRun): boolean =>
  problems.length === 0 && conflicts.length === 0 && envs.length === 0 && changes.length > 0;

/** What a change would do: why it is refused, what changes, whom it reaches. */
@customElement('hw-dry-run')
export class HwDryRun extends LightElement {
  @property({ attribute: false }) dryRun!: DryRun;

  protected override render(): TemplateResult {
    const { changes, problems, conflicts, merged, protected: envs } = this.dryRun;
    return html`${problems.length > 0 ? this.#renderProblems() : nothing}
      ${
        conflicts.length > 0
          ? html`<div class="notice warn">
              <span>${texts.review.conflictElsewhere}</span>
              <ul>${conflicts.map(({ file, pointer }) => html`<li class="mono small">${file} ${pointer}</li>`)}</ul>
            </div>`
          : nothing
      }
      ${
        envs.length > 0
          ? html`<div class="notice warn" role="status">
              <strong class="row">${icon('lock')} ${texts.review.protected(envs.join(', '))}</strong>
              <span>${codeText(texts.review.proposeHint)}</span>
            </div>`
          : nothing
      }
      <hw-change-list .changes=${changes}></hw-change-list>
      ${this.#renderReach()} ${merged ? html`<p><span class="badge">${texts.review.merged}</span></p>` : nothing}`;
  }

  #renderReach(): TemplateResult {
    const sum = (of: 'live' | 'restart') => this.dryRun.reach.reduce((total, one) => total + one[of], 0);
    const [live, restart] = [sum('live'), sum('restart')];
    return html`<p class="row small">
      ${live + restart === 0 ? html`<span class="quiet">${texts.review.nobody}</span>` : nothing}
      ${live > 0 ? html`<span class="badge ok">${texts.review.live(live)}</span>` : nothing}
      ${restart > 0 ? html`<span class="badge warn">${texts.review.restart(restart)}</span>` : nothing}
    </p>`;
  }

  #renderProblems(): TemplateResult {
    return html`<div class="notice bad" role="alert">
      <strong>${texts.review.problems}</strong>
      <ul>
        ${this.dryRun.problems.map(
          ({ service, env, pointer, message, hint }) =>
            html`<li>
              <span class="mono small">${[service, env, pointer].filter(Boolean).join(' ')}</span>
              ${message} ${hint ? html`<span class="quiet">${hint}</span>` : nothing}
            </li>`,
        )}
      </ul>
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-dry-run': HwDryRun;
  }
}
