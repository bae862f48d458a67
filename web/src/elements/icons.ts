/** Icons as inline SVG in the colour of the text. Decoration only: whatever carries one has words too. */
import { html, svg, type TemplateResult } from 'lit';

const paths = {
  services: svg`<path d="M4 6h16M4 12h16M4 18h10"/>`,
  changes: svg`<path d="M6 4v16M6 8h8a4 4 0 0 1 4 4v8M15 17l3 3 3-3"/>`,
  history: svg`<path d="M4 12a8 8 0 1 0 3-6.2M4 4v4h4M12 8v4l3 2"/>`,
  environments: svg`<path d="M12 3 3 8l9 5 9-5-9-5ZM3 13l9 5 9-5"/>`,
  presets: svg`<path d="M6 3h12v18l-6-4-6 4z"/>`,
  shared: svg`<path d="M8 12h8M4 12a4 4 0 0 1 4-4h2M20 12a4 4 0 0 1-4 4h-2M14 8h2a4 4 0 0 1 4 4M10 16H8a4 4 0 0 1-4-4"/>`,
  fleet: svg`<path d="M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01"/>`,
  relations: svg`<path d="M6 6h4v4H6zM14 14h4v4h-4zM10 8h4a2 2 0 0 1 2 2v4"/>`,
  settings: svg`<path d="M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M8 15v4"/>`,
  menu: svg`<path d="M4 6h16M4 12h16M4 18h16"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  search: svg`<path d="M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4 4"/>`,
  sun: svg`<path d="M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19"/>`,
  moon: svg`<path d="M20 14A8 8 0 1 1 10 4a6.5 6.5 0 0 0 10 10Z"/>`,
  system: svg`<path d="M4 5h16v11H4zM9 20h6M12 16v4"/>`,
  out: svg`<path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9"/>`,
  help: svg`<path d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 17v.01"/>`,
  check: svg`<path d="m5 12 5 5 9-10"/>`,
  warning: svg`<path d="M12 4 2.5 20h19L12 4ZM12 10v5M12 17.5v.01"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  lock: svg`<path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>`,
  undo: svg`<path d="M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3"/>`,
  chevron: svg`<path d="m9 6 6 6-6 6"/>`,
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName, size = 20): TemplateResult {
  return html`<svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${paths[name]}
  </svg>`;
}
