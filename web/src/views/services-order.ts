/** Finding and sorting services. Pure, and quick with ten thousand of them. */
import type { ServiceSummary } from '@headwater/schemas/http';

export type ServiceOrder = 'name' | 'newest' | 'clients' | 'owner';
export type ServiceChip = 'held' | 'idle' | 'undelivered';

export interface SearchableService {
  readonly summary: ServiceSummary;
  /** Lower-case text that a filter looks in. */
  readonly text: string;
}

export function searchable(services: readonly ServiceSummary[]): readonly SearchableService[] {
  return services.map((summary) => {
    const { service, owner = '', tags, folder } = summary;
    return { summary, text: [service, owner, ...tags, folder].join(' ').toLowerCase() };
  });
}

/** Services that have every word of the filter and every chip, in order. */
export function selectServices(
  services: readonly SearchableService[],
  filter: string,
  chips: ReadonlySet<ServiceChip>,
  order: ServiceOrder,
): readonly ServiceSummary[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = services
    .filter(
      ({ text, summary }) =>
        words.every((word) => text.includes(word)) && [...chips].every((chip) => hasChip(summary, chip)),
    )
    .map(({ summary }) => summary);
  return order === 'name' ? found : found.sort(comparisons[order]);
}

export function hasChip(service: ServiceSummary, chip: ServiceChip): boolean {
  if (chip === 'held') return service.held;
  return chip === 'idle' ? service.clients === 0 : service.undelivered === true;
}

const byName = (a: ServiceSummary, b: ServiceSummary): number => (a.service < b.service ? -1 : 1);

const comparisons: Readonly<
  Record<Exclude<ServiceOrder, 'name'>, (a: ServiceSummary, b: ServiceSummary) => number>
> = {
  newest: (a, b) => b.epoch.seq - a.epoch.seq || byName(a, b),
  clients: (a, b) => b.clients - a.clients || byName(a, b),
  // Those without an owner come last: they are the ones that need one.
  owner: (a, b) =>
    Number(a.owner === undefined) - Number(b.owner === undefined) ||
    (a.owner ?? '').localeCompare(b.owner ?? '') ||
    byName(a, b),
};
