import { expect, test } from 'vitest';
import { matchRoute } from './router.ts';

const table = {
  '/': 'services',
  '/services/:service': 'service',
  '/services/new': 'new',
  '/changes/:id': 'change',
};

test('a path finds its page and its parameters, decoded', () => {
  expect(matchRoute(table, '/')?.page).toBe('services');
  expect(matchRoute(table, '/services/stt-worker/', '?env=dev')).toMatchObject({
    page: 'service',
    params: { service: 'stt-worker' },
  });
  expect(matchRoute(table, '/changes/a%2Fb')?.params).toEqual({ id: 'a/b' });
});

test('a literal beats a parameter, whatever the order', () => {
  expect(matchRoute(table, '/services/new')?.page).toBe('new');
});

test('what fits nothing, or cannot be decoded, is no page', () => {
  expect(matchRoute(table, '/services')).toBeNull();
  expect(matchRoute(table, '/services/a/b')).toBeNull();
  expect(matchRoute(table, '/services/%zz')).toBeNull();
});
