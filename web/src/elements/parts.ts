/** Small pieces that many pages draw the same way. */
import type { Epoch } from '@headwater/schemas/protocol';
import { html, nothing, type TemplateResult } from 'lit';
import { ApiError } from '../api/http.ts';
import { texts } from '../texts.ts';
import { icon } from './icons.ts';

/** "#42 · 9f3c2e1" */
export function epochBadge(epoch: Pick<Epoch, 'seq' | 'commit'> | null): TemplateResult {
  if (epoch === null) return html`<span class="quiet">${texts.epoch.none}</span>`;
  const short = epoch.commit.slice(0, 7);
  return html`<span class="epoch mono" title=${texts.epoch.title(epoch.seq, epoch.commit)}
    >#${epoch.seq} <span class="quiet">· ${short}</span></span
  >`;
}

/** A state with a shape of its own, so that colour is never the only sign. */
export function stateBadge(kind: 'ok' | 'warn' | 'bad' | 'idle', text: string): TemplateResult {
  return html`<span class="badge ${kind}"><span class="shape ${kind}" aria-hidden="true"></span>${text}</span>`;
}

export function loading(): TemplateResult {
  return html`<p class="empty" role="status">${texts.loading}</p>`;
}

/** What went wrong, and the next step. */
export function errorNotice(error: unknown, retry?: () => void): TemplateResult {
  const { message, hint, requestId } =
    error instanceof ApiError
      ? error
      : { message: texts.error.title, hint: String(error), requestId: undefined };
  return html`<div class="notice bad" role="alert">
    <strong class="row">${icon('warning')} ${message}</strong>
    ${hint ? html`<span>${hint}</span>` : nothing}
    ${requestId ? html`<span class="quiet small">${texts.error.requestId(requestId)}</span>` : nothing}
    ${retry ? html`<div><button class="button" @click=${retry}>${texts.retry}</button></div>` : nothing}
  </div>`;
}
