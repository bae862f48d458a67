import type { JsonValue } from '@headwater/schemas/protocol';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { icon } from '../elements/icons.ts';
import { LightElement } from '../elements/light-element.ts';
import { showValue } from '../format.ts';
import { texts } from '../texts.ts';
import type { Edit, Incoming } from './draft.ts';
import { textOfValue } from './field-text.ts';
import type { Field } from './fields.ts';
import './hw-field-control.ts';
import './hw-secret-field.ts';
import type { Inherited } from './layers.ts';

/** What a row knows of its setting beyond the schema. */
export interface RowState {
  /** Value that the layer itself sets, before the draft. */
  readonly own: JsonValue | undefined;
  readonly inherited: Inherited | null;
  readonly edit: Edit | undefined;
  /** What is wrong: with the text, or by the daemon's judgement. */
  readonly problem: string | undefined;
  readonly incoming: Incoming | undefined;
  /** Layers above that set it, too. */
  readonly overriddenBy: readonly string[];
  /** Connected clients whose process environment overrides it. */
  readonly envOverrides: number;
  /** Connected clients that must be restarted to take it. */
  readonly restartPending: number;
  /** Secrets only. */
  readonly isSet: boolean;
  /** Secrets only: RFC 3339, "" when nobody knows. */
  readonly changedAt: string;
}

/**
 * One setting: what it is on the left, its value on the right.
 * @fires hw-edit `{ field, text }`, or `{ field, action: 'undo' | 'unset' | 'mine' }`
 */
@customElement('hw-field-row')
export class HwFieldRow extends LightElement {
  @property({ attribute: false }) field!: Field;
  @property({ attribute: false }) row!: RowState;
  @property() service = '';
  @property() env = '';
  /** Layer that is edited. */
  @property() layer = '';
  @property({ type: Boolean }) disabled = false;
  @state() private isHelpOpen = false;

  protected override render(): TemplateResult {
    const { field, row } = this;
    const id = `f${field.pointer.replaceAll(/[^\w-]/g, '_')}`;
    const isOwn = row.edit ? row.edit.kind === 'set' : row.own !== undefined;
    return html`<div class="field-row" ?data-edited=${row.edit !== undefined} data-pointer=${field.pointer}>
      <div class="field-about">
        <div class="row">
          <label class="field-title" for=${id}>${field.title}</label>
          ${
            field.help
              ? html`<button
                  class="help-button"
                  aria-expanded=${this.isHelpOpen}
                  aria-controls="${id}-help"
                  @click=${this.#toggleHelp}
                >
                  ?<span class="visually-hidden">${texts.form.help(field.title)}</span>
                </button>`
              : nothing
          }
          ${this.#renderBadges()}
        </div>
        <p class="quiet small prose" id="${id}-about">${field.description}</p>
        ${this.isHelpOpen ? html`<p class="small field-help" id="${id}-help">${field.help}</p>` : nothing}
        <p class="small quiet field-path">
          <span class="mono">${field.pointer.slice(1)}</span>
          <a class="icon-link" href=${this.#historyHref} title=${texts.form.history(field.title)}
            >${icon('history', 16)}<span class="visually-hidden">${texts.form.history(field.title)}</span></a
          >
        </p>
      </div>
      <div class="field-value">
        ${field.kind === 'secret' ? this.#renderSecret(id) : this.#renderControl(id, isOwn)}
        ${row.problem ? html`<p class="error-text" id="${id}-problem">${row.problem}</p>` : nothing}
        ${this.#renderNotes(isOwn)}
      </div>
    </div>`;
  }

  #renderControl(id: string, isOwn: boolean): TemplateResult {
    const { field, row } = this;
    const shown = isOwn ? undefined : row.inherited?.value;
    const own = row.edit?.kind === 'set' ? row.edit.text : isOwn ? textOfValue(field, row.own) : undefined;
    // A switch or a choice has no empty state: what is inherited stands in it, and the note says so.
    const needsValue = field.kind === 'switch' || field.kind === 'choice';
    const text = own ?? (needsValue ? textOfValue(field, shown) : '');
    const describedBy = [`${id}-about`, ...(row.problem ? [`${id}-problem`] : [])].join(' ');
    return html`<hw-field-control
      .field=${field}
      .text=${text}
      .placeholder=${shown === undefined ? '' : showValue(shown)}
      .controlId=${id}
      .describedBy=${describedBy}
      .invalid=${row.problem !== undefined}
      .disabled=${this.disabled}
      @hw-text=${(event: CustomEvent<string>) => this.#edit({ text: event.detail })}
    ></hw-field-control>`;
  }

  get #historyHref(): string {
    const query = new URLSearchParams({ env: this.env, tab: 'history', setting: this.field.pointer });
    return `/services/${encodeURIComponent(this.service)}?${query}`;
  }

  #renderSecret(id: string): TemplateResult {
    const { field, row } = this;
    return html`<hw-secret-field
      .service=${this.service}
      .layer=${this.layer}
      .pointer=${field.pointer}
      .name=${field.title}
      .controlId=${id}
      .isSet=${row.isSet}
      .changedAt=${row.changedAt}
      .disabled=${this.disabled}
    ></hw-secret-field>`;
  }

  #renderBadges(): TemplateResult {
    const { field, row } = this;
    return html`${row.edit ? html`<span class="badge ok">${texts.form.edited}</span>` : nothing}${
      field.apply === 'restart' && row.edit
        ? html`<span class="badge warn">${texts.change.restart}</span>`
        : nothing
    }${
      row.envOverrides > 0 ? html`<span class="badge warn">${texts.form.chips.override}</span>` : nothing
    }${field.deprecated ? html`<span class="badge warn">${texts.form.deprecated}</span>` : nothing}${
      field.shared ? html`<span class="badge">${texts.form.shared}</span>` : nothing
    }`;
  }

  #renderNotes(isOwn: boolean): TemplateResult {
    const { field, row } = this;
    const before = row.own === undefined ? texts.form.notSet : showValue(row.own);
    return html`<div class="field-notes small quiet">
      ${
        row.edit
          ? html`<span>${texts.form.was(before)}
              <button class="link-button" @click=${() => this.#edit({ action: 'undo' })}>${texts.form.undo}</button></span>`
          : nothing
      }
      ${
        !isOwn && row.inherited && field.kind !== 'secret'
          ? html`<span>${texts.form.inherited(texts.form.layer(row.inherited.from))}</span>${
              this.disabled || row.edit
                ? nothing
                : html` <button class="link-button revealed" @click=${this.#setHere}>${texts.form.setHere}</button>`
            }`
          : nothing
      }
      ${
        isOwn && row.inherited && !this.disabled
          ? html`<button class="link-button revealed" @click=${() => this.#edit({ action: 'unset' })}>
              ${texts.form.reset(showValue(row.inherited.value), texts.form.layer(row.inherited.from))}
            </button>`
          : nothing
      }
      ${
        row.overriddenBy.length > 0
          ? html`<span>${texts.form.overridden(row.overriddenBy.join(', '))}</span>`
          : nothing
      }
      ${row.incoming ? this.#renderIncoming(row.incoming) : nothing}
      ${field.kind === 'json' ? html`<span>${texts.form.noField}</span>` : nothing}
      ${
        row.envOverrides > 0
          ? html`<span class="noted">${icon('warning', 16)} ${texts.form.envOverride(field.env ?? '', row.envOverrides)}</span>`
          : nothing
      }
      ${
        row.restartPending > 0
          ? html`<span class="noted">${icon('warning', 16)} ${texts.form.restartPending(row.restartPending)}</span>`
          : nothing
      }
    </div>`;
  }

  #renderIncoming({ to }: Incoming): TemplateResult {
    return html`<span class="noted" role="status">${icon('warning', 16)}
      ${to === undefined ? texts.form.incomingUnset : texts.form.incoming(showValue(to))}
      <button class="link-button" @click=${() => this.#edit({ action: 'undo' })}>${texts.form.take}</button>
      <button class="link-button" @click=${() => this.#edit({ action: 'mine' })}>${texts.form.keepMine}</button></span>`;
  }

  /** The value that shows through becomes the layer's own. */
  readonly #setHere = (): void => {
    const { field, row } = this;
    if (row.inherited) this.#edit({ text: textOfValue(field, row.inherited.value) });
  };

  readonly #toggleHelp = (): void => {
    this.isHelpOpen = !this.isHelpOpen;
  };

  #edit(what: { readonly text: string } | { readonly action: 'undo' | 'unset' | 'mine' }): void {
    this.dispatchEvent(new CustomEvent('hw-edit', { detail: { field: this.field, ...what }, bubbles: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-field-row': HwFieldRow;
  }
}
