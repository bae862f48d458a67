import { html, type TemplateResult } from 'lit';

/** A sentence in which `backticks` mark what is typed somewhere. */
export function codeText(text: string): TemplateResult {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
