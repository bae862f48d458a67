/** What the palette finds: pages and actions at once, services and settings from the daemon, commits by their number or id. Pure. */
import type { EpochEntry, SearchHit } from '@headwater/schemas/http';
import { showValue } from '../format.ts';
import { texts } from '../texts.ts';

export interface PaletteItem {
  readonly group: keyof typeof texts.palette.groups;
  readonly label: string;
  readonly detail: string;
  /** Where it leads. */
  readonly href: string;
}

/** Pages whose name has every word. */
export function pageItems(words: string, environments: readonly string[], env: string): PaletteItem[] {
  const pages = texts.palette.pages.map(([href, label]) => item('actions', label, '', href));
  const switches = environments
    .filter((name) => name !== env)
    .map((name) => item('actions', texts.palette.switchTo(name), '', `?env=${name}`));
  return [...pages, ...switches].filter(({ label }) => hasWords(label, words));
}

export function searchItems(hits: readonly SearchHit[], env: string): PaletteItem[] {
  return hits.map(({ service, pointer, title, values }) => {
    const page = `/services/${encodeURIComponent(service)}?env=${encodeURIComponent(env)}`;
    if (pointer === undefined) return item('services', service, title ?? '', page);
    const value = values && env in values ? ` = ${showValue(values[env])}` : '';
    const href = `${page}&setting=${encodeURIComponent(pointer)}`;
    return item('settings', title ?? pointer.slice(1), `${service} ${pointer.slice(1)}${value}`, href);
  });
}

/** Commits by "#12", by the beginning of their id, or by words of their subject. */
export function epochItems(epochs: readonly EpochEntry[], words: string): PaletteItem[] {
  return epochs
    .filter(({ epoch, subject }) => hasWords(`#${epoch.seq} ${epoch.commit.slice(0, 12)} ${subject}`, words))
    .slice(0, 5)
    .map(({ epoch, subject, author }) =>
      item(
        'commits',
        subject || texts.history.noMessage,
        `#${epoch.seq} · ${epoch.commit.slice(0, 7)} · ${author.name}`,
        `/history/${epoch.commit}`,
      ),
    );
}

const item = (group: PaletteItem['group'], label: string, detail: string, href: string): PaletteItem => ({
  ...{ group, label, detail, href },
});

function hasWords(text: string, words: string): boolean {
  const low = text.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => low.includes(word));
}
