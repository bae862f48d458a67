import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { LightElement } from '../elements/light-element.ts';
import { showValue } from '../format.ts';
import type { Choice } from '../state/draft-controller.ts';
import { texts } from '../texts.ts';
import type { Edit, Incoming } from './draft.ts';
import { textOfValue } from './field-text.ts';
import { type Field, leavesOf } from './fields.ts';
import './hw-field-control.ts';

/**
 * Settings that two people changed: what was there, what they made of it, what you made of it. Yours can still be edited.
 * @fires hw-choose `{ conflict, choice }`
 * @fires hw-edit `{ field, text }`
 */
@customElement('hw-conflicts')
export class HwConflicts extends LightElement {
  @property({ attribute: false }) conflicts: readonly Incoming[] = [];
  @property({ attribute: false }) choices: ReadonlyMap<string, Choice> = new Map();
  @property({ attribute: false }) fields: readonly Field[] = [];

  protected override render(): TemplateResult {
    return html`<div class="notice warn" role="alert">${texts.review.conflict}</div>
      ${this.conflicts.map((conflict) => this.#renderConflict(conflict))}`;
  }

  #renderConflict(conflict: Incoming): TemplateResult {
    const { pointer, from, to, mine } = conflict;
    const field = leavesOf(this.fields).find((one) => one.pointer === pointer);
    const id = `conflict${pointer.replaceAll(/[^\w-]/g, '_')}`;
    return html`<fieldset class="conflict">
      <legend>
        <span class="visually-hidden">${texts.review.pick(field?.title ?? pointer)}</span>
        <span aria-hidden="true"><strong>${field?.title ?? pointer.slice(1)}</strong>
        <span class="quiet small mono">${pointer.slice(1)}</span></span>
      </legend>
      <div class="conflict-sides">
        ${this.#renderSide(conflict, 'base', texts.review.before, html`<span class="mono">${showValue(from)}</span>`)}
        ${this.#renderSide(conflict, 'mine', texts.review.yours, this.#renderMine(field, mine, id))}
        ${this.#renderSide(conflict, 'theirs', texts.review.theirs, html`<span class="mono">${showValue(to)}</span>`)}
      </div>
    </fieldset>`;
  }

  #renderSide(conflict: Incoming, choice: Choice, label: string, value: TemplateResult): TemplateResult {
    const { pointer } = conflict;
    const isChosen = this.choices.get(pointer) === choice;
    return html`<div class="conflict-side" ?data-chosen=${isChosen}>
      <label class="row conflict-pick">
        <input
          type="radio"
          class="pick"
          name=${`pick ${pointer}`}
          .checked=${isChosen}
          @change=${() => this.dispatchEvent(new CustomEvent('hw-choose', { detail: { conflict, choice } }))}
        />
        <span>${label}</span>
      </label>
      ${value}
    </div>`;
  }

  #renderMine(field: Field | undefined, mine: Edit, id: string): TemplateResult {
    if (mine.kind === 'unset') return html`<span class="quiet">${texts.form.notSet}</span>`;
    if (!field || mine.raw) return html`<span class="mono">${mine.text}</span>`;
    const value = 'value' in mine.reading ? textOfValue(field, mine.reading.value) : mine.text;
    const problem = 'problem' in mine.reading ? mine.reading.problem : '';
    return html`<label class="visually-hidden" for=${id}>${texts.review.yours}: ${field.title}</label>
      <hw-field-control
        .field=${field}
        .text=${'problem' in mine.reading ? mine.text : value}
        .controlId=${id}
        .invalid=${problem !== ''}
        @hw-text=${(event: CustomEvent<string>) =>
          this.dispatchEvent(new CustomEvent('hw-edit', { detail: { field, text: event.detail } }))}
      ></hw-field-control>
      ${problem ? html`<p class="error-text">${problem}</p>` : nothing}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-conflicts': HwConflicts;
  }
}
