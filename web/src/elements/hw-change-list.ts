import type { ServiceChange } from '@headwater/schemas/http';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { texts } from '../texts.ts';
import './hw-setting-list.ts';
import { icon } from './icons.ts';
import { LightElement } from './light-element.ts';

/** What changes, service by service and setting by setting: old → new. The same change in several environments is shown once. */
@customElement('hw-change-list')
export class HwChangeList extends LightElement {
  @property({ attribute: false }) changes: readonly ServiceChange[] = [];

  protected override render(): TemplateResult {
    if (this.changes.length === 0) return html`<p class="quiet">${texts.change.none}</p>`;
    return html`<div class="stack">${grouped(this.changes).map((group) => this.#renderGroup(group))}</div>`;
  }

  #renderGroup({ change, envs }: Group): TemplateResult {
    const { service, kind, settings, schemaChanged, secretsChanged, recipients, valid } = change;
    return html`<section class="change">
      <h3 class="row">
        <a href="/services/${service}?env=${envs[0]}">${service}</a>
        ${envs.map((env) => html`<span class="badge">${env}</span>`)}
        ${kind === 'changed' ? nothing : html`<span class="badge warn">${texts.change.kind[kind]}</span>`}
        ${valid === false ? html`<span class="badge bad">${texts.change.invalid}</span>` : nothing}
      </h3>
      ${settings.length > 0 ? html`<hw-setting-list .settings=${settings}></hw-setting-list>` : nothing}
      ${
        settings.length + Number(schemaChanged) + Number(secretsChanged) === 0 && kind === 'changed'
          ? html`<p class="quiet small">${texts.change.unknown}</p>`
          : nothing
      }
      ${schemaChanged ? html`<p class="quiet small">${texts.change.schema}</p>` : nothing}
      ${secretsChanged ? html`<p class="row small">${icon('lock', 16)} ${texts.change.secrets}</p>` : nothing}
      ${
        recipients
          ? html`<p class="notice warn small">
              ${texts.change.recipients(recipients.added.length, recipients.removed.length)}
            </p>`
          : nothing
      }
    </section>`;
  }
}

interface Group {
  readonly change: ServiceChange;
  readonly envs: string[];
}

function grouped(changes: readonly ServiceChange[]): Group[] {
  const groups = new Map<string, Group>();
  for (const change of changes) {
    const key = JSON.stringify({ ...change, env: '' });
    const group = groups.get(key);
    if (group) group.envs.push(change.env);
    else groups.set(key, { change, envs: [change.env] });
  }
  return [...groups.values()];
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-change-list': HwChangeList;
  }
}
