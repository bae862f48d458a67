import { expect, test } from 'vitest';
import { coversEverything, coversService, hasRole, matchesGlob, type TokenRecord } from './access.ts';

const record: TokenRecord = {
  id: 'a',
  role: 'editor',
  name: 'Ada',
  env: 'prod-*',
  service: 'stt',
  createdAt: '',
};

test('a star stands for any characters and the rest for itself', () => {
  const fits = ['*', 'prod', 'p*d', 'pr*', '*od', 'p**d', 'prod*', '*p*r*o*d*'];
  const misses = ['', 'pro', 'prodx', 'p*x', '*o', 'PROD', 'p.od', 'p?od'];
  for (const pattern of fits) expect([pattern, matchesGlob(pattern, 'prod')]).toEqual([pattern, true]);
  for (const pattern of misses) expect([pattern, matchesGlob(pattern, 'prod')]).toEqual([pattern, false]);
  expect(matchesGlob(`${'a*'.repeat(30)}b`, 'a'.repeat(63))).toBe(false);
});

test('a token reaches a service only where both its environment and its service fit', () => {
  expect(coversService(record, 'prod-eu', 'stt')).toBe(true);
  expect(coversService(record, 'dev', 'stt')).toBe(false);
  expect(coversService(record, 'prod-eu', 'tts')).toBe(false);
  expect(coversEverything(record)).toBe(false);
  expect(coversEverything({ ...record, env: '*', service: '*' })).toBe(true);
});

test('roles of people include those below; a service has none of them', () => {
  expect(hasRole(record, 'viewer')).toBe(true);
  expect(hasRole(record, 'editor')).toBe(true);
  expect(hasRole(record, 'approver')).toBe(false);
  expect(hasRole({ ...record, role: 'service', env: '*', service: '*' }, 'viewer')).toBe(false);
  expect(coversEverything({ ...record, role: 'service', env: '*', service: '*' })).toBe(false);
});
