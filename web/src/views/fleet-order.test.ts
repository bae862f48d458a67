import type { ClientView } from '@headwater/schemas/http';
import { expect, test } from 'vitest';
import { isIn, sortClients } from './fleet-order.ts';

const client = (service: string, more: Partial<ClientView>): ClientView =>
  ({
    ...{ service, instance: 'a', state: 'live', lag: 0, restartPending: [], envOverrides: [] },
    ...more,
  }) as unknown as ClientView;
const fleet = [
  client('d', { state: 'offline' }),
  client('c', {}),
  client('b', { lag: 2 }),
  client('a', { state: 'lkg', restartPending: ['/x'] }),
];

test('those that need a look come first, those that are away last', () => {
  expect(sortClients(fleet).map(({ service }) => service)).toEqual(['a', 'b', 'c', 'd']);
});

test('every client is in one part of the fleet; what it waits for comes on top', () => {
  const parts = ['current', 'behind', 'attention', 'offline'] as const;
  for (const one of fleet) expect(parts.filter((part) => isIn(one, part))).toHaveLength(1);
  expect(fleet.filter((one) => isIn(one, 'restart')).map(({ service }) => service)).toEqual(['a']);
  expect(isIn(client('e', { state: 'offline', restartPending: ['/x'] }), 'restart')).toBe(false);
  expect(isIn(client('f', { lag: null }), 'behind')).toBe(true);
});
