import type { ServiceSummary } from '@headwater/schemas/http';
import { expect, test } from 'vitest';
import { type ServiceChip, type ServiceOrder, searchable, selectServices } from './services-order.ts';

const service = (name: string, more: Partial<ServiceSummary> = {}): ServiceSummary => ({
  service: name,
  folder: `services/${name}`,
  epoch: { era: 1, seq: 1, commit: 'a'.repeat(40) },
  digest: '',
  tags: [],
  held: false,
  clients: 0,
  ...more,
});
const services = searchable([
  service('camera', { tags: ['Vision'], clients: 2 }),
  service('router', { owner: 'zoe', held: true, epoch: { era: 1, seq: 9, commit: 'b'.repeat(40) } }),
  service('stt', { owner: 'Ann', folder: 'services/speech/stt', clients: 5, undelivered: true }),
]);
const select = (filter: string, chips: readonly ServiceChip[] = [], order: ServiceOrder = 'name') =>
  selectServices(services, filter, new Set(chips), order).map((one) => one.service);

test('every word must be somewhere: name, owner, tag or folder, in any case', () => {
  expect(select('VIS cam')).toEqual(['camera']);
  expect(select('speech ann')).toEqual(['stt']);
  expect(select('camera zoe')).toEqual([]);
  expect(select('  ')).toEqual(['camera', 'router', 'stt']);
});

test('chips narrow it further', () => {
  expect(select('', ['held'])).toEqual(['router']);
  expect(select('', ['idle'])).toEqual(['router']);
  expect(select('', ['undelivered'])).toEqual(['stt']);
  expect(select('', ['held', 'undelivered'])).toEqual([]);
});

test('orders: newest change, most clients, owner with the ownerless last', () => {
  expect(select('', [], 'newest')).toEqual(['router', 'camera', 'stt']);
  expect(select('', [], 'clients')).toEqual(['stt', 'camera', 'router']);
  expect(select('', [], 'owner')).toEqual(['stt', 'router', 'camera']);
});
