import type { ServiceDocument } from '@headwater/schemas/http';
import type { JsonObject } from '@headwater/schemas/protocol';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { LightElement } from '../elements/light-element.ts';
import { readPreference, writePreference } from '../state/preferences.ts';
import { texts } from '../texts.ts';
import { type Draft, type Incoming, ownValue } from './draft.ts';
import { type Field, fieldsOf, groupsOf, leavesOf } from './fields.ts';
import './hw-field-row.ts';
import type { RowState } from './hw-field-row.ts';
import { inheritedValue, overridingLayers } from './layers.ts';

type Chip = keyof typeof texts.form.chips;

/** The settings of a service as a form: filter, chips, Simple or All, groups of rows. */
@customElement('hw-form')
export class HwForm extends LightElement {
  @property({ attribute: false }) document!: ServiceDocument;
  @property({ attribute: false }) draft!: Draft;
  /** Problems by pointer, of the texts and of the daemon's last judgement. */
  @property({ attribute: false }) problems: ReadonlyMap<string, string> = new Map();
  @property({ attribute: false }) incoming: readonly Incoming[] = [];
  @property({ type: Boolean }) disabled = false;
  /** Pointer of a setting that somebody searched for: it is shown, and gets the focus. */
  @property() wanted = '';
  @state() private showsAll = readPreference('level') === 'all';
  @state() private filter = '';
  @state() private chip: Chip | null = null;
  /** Rows that the chip showed when it was chosen: a row that stops matching while somebody types must not vanish. */
  #frozen: ReadonlySet<string> = new Set();
  /** What each row was last given: a row whose state is the same is not drawn again while somebody types in another. */
  #rows = new Map<string, RowState>();
  #fields: readonly Field[] = [];
  #schema: JsonObject | null = null;

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (this.#schema === this.document.schema) return;
    this.#schema = this.document.schema;
    this.#fields = fieldsOf(this.document.schema);
    this.#rows.clear();
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    if (changed.has('wanted') && this.wanted !== '') void this.#show(this.wanted);
  }

  async #show(pointer: string): Promise<void> {
    const row = [...this.querySelectorAll('hw-field-row')].find(({ field }) => field.pointer === pointer);
    await row?.updateComplete;
    await row?.querySelector('hw-field-control')?.updateComplete;
    row?.scrollIntoView({ block: 'center' });
    row?.querySelector<HTMLElement>('input, select, textarea')?.focus({ preventScroll: true });
  }

  protected override render(): TemplateResult {
    const all = leavesOf(this.#fields);
    const shown = new Set(all.filter((field) => this.#isShown(field)).map((field) => field.pointer));
    const hidden = all.length - shown.size;
    const isFiltered = this.filter !== '' || this.chip !== null;
    return html`${this.#renderToolbar(all)}
      ${repeat(
        groupsOf(this.#fields),
        ({ name }) => name,
        ({ name, fields }) =>
          this.#renderGroup(
            name,
            fields.filter((field) => shown.has(field.pointer)),
          ),
      )}
      ${shown.size === 0 ? html`<p class="empty">${texts.form.none}</p>` : nothing}
      ${
        !isFiltered && !this.showsAll && hidden > 0
          ? html`<div>
              <button class="button" @click=${() => this.#chooseLevel(true)}>${texts.form.moreSettings(hidden)}</button>
            </div>`
          : nothing
      }`;
  }

  #renderToolbar(all: readonly Field[]): TemplateResult {
    return html`<div class="toolbar">
      <input
        class="input grow"
        type="search"
        data-filter
        aria-label=${texts.form.filter}
        placeholder=${texts.form.filterHint}
        .value=${this.filter}
        @input=${(event: InputEvent) => {
          this.filter = (event.target as HTMLInputElement).value;
        }}
      />
      <div class="row" role="group" aria-label=${texts.form.filter}>
        ${(Object.keys(texts.form.chips) as Chip[]).map((chip) => this.#renderChip(chip, all))}
      </div>
      <div class="segments" role="group" aria-label=${texts.form.level}>
        <button aria-pressed=${!this.showsAll} @click=${() => this.#chooseLevel(false)}>${texts.form.simple}</button>
        <button aria-pressed=${this.showsAll} @click=${() => this.#chooseLevel(true)}>
          ${texts.form.all(all.length)}
        </button>
      </div>
    </div>`;
  }

  #renderChip(chip: Chip, all: readonly Field[]): TemplateResult {
    const matching = all.filter((field) => this.#matchesChip(field, chip));
    const isOn = this.chip === chip;
    return html`<button
      class="chip"
      aria-pressed=${isOn}
      ?disabled=${matching.length === 0 && !isOn}
      @click=${() => {
        this.chip = isOn ? null : chip;
        this.#frozen = new Set(matching.map((field) => field.pointer));
      }}
    >
      ${texts.form.chips[chip]} ${matching.length}
    </button>`;
  }

  #renderGroup(name: string, fields: readonly Field[]): TemplateResult | typeof nothing {
    if (fields.length === 0) return nothing;
    return html`<section class="card field-group">
      ${name ? html`<h2>${name}</h2>` : nothing}
      ${repeat(
        fields,
        ({ pointer }) => pointer,
        (field) =>
          html`<hw-field-row
            .field=${field}
            .row=${this.#rowOf(field)}
            .service=${this.document.service}
            .env=${this.document.env}
            .layer=${this.draft.layer}
            .disabled=${this.disabled}
          ></hw-field-row>`,
      )}
    </section>`;
  }

  #rowOf(field: Field): RowState {
    const { document, draft } = this;
    const { pointer } = field;
    const row: RowState = {
      own: ownValue(draft.base, pointer),
      inherited: inheritedValue(document.layers, draft.layer, pointer),
      edit: draft.edits.get(pointer),
      problem: this.problems.get(pointer),
      incoming: this.incoming.find((one) => one.pointer === pointer),
      overriddenBy: overridingLayers(document.layers, draft.layer, pointer),
      envOverrides: this.#clientsWith(field, 'envOverrides'),
      restartPending: this.#clientsWith(field, 'restartPending'),
      isSet: document.secrets[pointer]?.set ?? false,
      changedAt: document.secrets[pointer]?.changedAt ?? '',
    };
    const known = this.#rows.get(pointer);
    if (known && JSON.stringify(known) === JSON.stringify(row)) return known;
    this.#rows.set(pointer, row);
    return row;
  }

  #clientsWith({ pointer }: Field, list: 'envOverrides' | 'restartPending'): number {
    const connected = this.document.clients.filter(({ state: its }) => its !== 'offline');
    return connected.filter((client) => client[list].includes(pointer)).length;
  }

  /** A search sees everything, whatever the switch says; so do edits and errors. */
  #isShown(field: Field): boolean {
    if (this.chip !== null && !this.#frozen.has(field.pointer)) return false;
    if (this.filter !== '')
      return this.filter
        .toLowerCase()
        .split(/\s+/)
        .every((word) => field.searchText.includes(word));
    if (this.chip !== null || this.showsAll || field.level === 'simple') return true;
    const { pointer } = field;
    return this.draft.edits.has(pointer) || this.problems.has(pointer) || pointer === this.wanted;
  }

  #matchesChip(field: Field, chip: Chip): boolean {
    switch (chip) {
      case 'edited':
        return this.draft.edits.has(field.pointer);
      case 'errors':
        return this.problems.has(field.pointer);
      case 'own':
        return ownValue(this.draft.base, field.pointer) !== undefined;
      case 'override':
        return this.#clientsWith(field, 'envOverrides') > 0;
      default:
        return field.apply === 'restart';
    }
  }

  #chooseLevel(all: boolean): void {
    this.showsAll = all;
    writePreference('level', all ? 'all' : null);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-form': HwForm;
  }
}
