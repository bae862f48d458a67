import type { ClientView } from '@headwater/schemas/http';
import type { ClientState, Epoch, Receipt } from '@headwater/schemas/protocol';
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { codeText } from '../elements/code-text.ts';
import { LightElement } from '../elements/light-element.ts';
import { epochBadge, stateBadge } from '../elements/parts.ts';
import { ago, wholeTime } from '../format.ts';
import { texts } from '../texts.ts';

const kinds: Readonly<Record<ClientState, 'ok' | 'warn' | 'bad' | 'idle'>> = {
  live: 'ok',
  lkg: 'warn',
  defaults: 'warn',
  local: 'warn',
  stale: 'warn',
  removed: 'bad',
  rejected: 'bad',
  offline: 'idle',
};

/** Who runs a service, and what of it each one says it runs. */
@customElement('hw-clients-table')
export class HwClientsTable extends LightElement {
  @property({ attribute: false }) clients: readonly (Receipt | ClientView)[] = [];
  /** Live epoch of the service, where all clients are of one. */
  @property({ attribute: false }) epoch: Epoch | null = null;
  /** Clients are of several services: each says of which. */
  @property({ type: Boolean }) named = false;

  protected override render(): TemplateResult {
    if (this.clients.length === 0)
      return html`<div class="empty"><h2>${texts.client.none}</h2><p>${codeText(texts.client.noneHint)}</p></div>`;
    const { columns } = texts.client;
    return html`<div class="table-wrap">
      <table class="cards">
        <thead>
          <tr>
            ${[columns.client, columns.state, columns.epoch, columns.lag, columns.since, columns.notes].map(
              (name) => html`<th scope="col">${name}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${this.clients.map((client) => this.#renderClient(client))}
        </tbody>
      </table>
    </div>`;
  }

  #renderClient(client: Receipt | ClientView): TemplateResult {
    const { columns } = texts.client;
    const { clientId, instance, service, env, state, reason, epoch, at } = client;
    const behind = this.#lagOf(client);
    return html`<tr>
      <th scope="row">
        ${this.named ? html`<a href="/services/${service}?env=${env}&tab=clients">${service}</a>` : nothing}
        <span class="mono">${instance}</span>
        ${this.named ? nothing : html`<span class="quiet small mono">${clientId}</span>`}
      </th>
      <td data-label=${columns.state}>
        ${stateBadge(kinds[state], texts.client.state[state])} ${reason ? html`<span class="quiet">${reason}</span>` : nothing}
      </td>
      <td data-label=${columns.epoch}>${epochBadge(epoch)}</td>
      <td data-label=${columns.lag}>
        ${behind === null ? '—' : behind <= 0 ? html`<span class="quiet">${texts.client.current}</span>` : texts.client.behind(behind)}
      </td>
      <td data-label=${columns.since}><time datetime=${at} title=${wholeTime(at)}>${ago(at)}</time></td>
      <td data-label=${columns.notes}><span class="row">${this.#renderNotes(client)}</span></td>
    </tr>`;
  }

  #lagOf(client: Receipt | ClientView): number | null {
    if ('lag' in client) return client.lag;
    return client.epoch && this.epoch ? this.epoch.seq - client.epoch.seq : null;
  }

  #renderNotes({ restartPending, envOverrides, envInvalid }: Receipt): TemplateResult {
    const note = (list: readonly string[], text: (count: number) => string, kind: string) =>
      list.length > 0
        ? html`<span class="badge ${kind}" title=${list.join('\n')}>${text(list.length)}</span>`
        : nothing;
    return html`${note(restartPending, texts.client.restart, 'warn')}
    ${note(envOverrides, texts.client.overrides, '')} ${note(envInvalid, texts.client.invalid, 'bad')}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-clients-table': HwClientsTable;
  }
}
