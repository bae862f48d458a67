import { html, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { readPreference, writePreference } from '../state/preferences.ts';
import { texts } from '../texts.ts';
import { type IconName, icon } from './icons.ts';
import { LightElement } from './light-element.ts';

type Theme = 'system' | 'light' | 'dark';

const themes: readonly { readonly theme: Theme; readonly icon: IconName }[] = [
  { theme: 'system', icon: 'system' },
  { theme: 'light', icon: 'sun' },
  { theme: 'dark', icon: 'moon' },
];

/** Light, dark, or as the system has it. The choice is applied before the first paint by boot.js. */
@customElement('hw-theme-switch')
export class HwThemeSwitch extends LightElement {
  @state() private theme = (readPreference('theme') ?? 'system') as Theme;

  protected override render(): TemplateResult {
    return html`<div class="segments" role="group" aria-label=${texts.theme.label}>
      ${themes.map(
        ({ theme, icon: name }) =>
          html`<button aria-pressed=${theme === this.theme} @click=${() => this.#choose(theme)}>
            ${icon(name, 18)}<span class="visually-hidden">${texts.theme[theme]}</span>
          </button>`,
      )}
    </div>`;
  }

  #choose(theme: Theme): void {
    this.theme = theme;
    writePreference('theme', theme === 'system' ? null : theme);
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'hw-theme-switch': HwThemeSwitch;
  }
}
