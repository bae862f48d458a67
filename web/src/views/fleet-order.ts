/** Which clients need a look, and in which order. Pure. */
import type { ClientView } from '@headwater/schemas/http';

/** The first four part the fleet; "restart" and "override" may be true of any connected client. */
export const fleetStates = ['current', 'behind', 'attention', 'offline', 'restart', 'override'] as const;
export type FleetState = (typeof fleetStates)[number];

export function isIn(client: ClientView, state: FleetState): boolean {
  if (state === 'restart') return client.state !== 'offline' && client.restartPending.length > 0;
  if (state === 'override') return client.state !== 'offline' && client.envOverrides.length > 0;
  return partOf(client) === state;
}

function partOf({ state, lag }: ClientView): FleetState {
  if (state === 'offline') return 'offline';
  if (state !== 'live') return 'attention';
  return lag === 0 ? 'current' : 'behind';
}

const order: readonly FleetState[] = ['attention', 'behind', 'current', 'offline'];

/** Those that need a look first, then by service and instance. */
export function sortClients(clients: readonly ClientView[]): ClientView[] {
  const rank = (client: ClientView) => order.indexOf(partOf(client));
  const name = ({ service, instance }: ClientView) => `${service}\n${instance}`;
  return [...clients].sort((a, b) => rank(a) - rank(b) || (name(a) < name(b) ? -1 : 1));
}
