import type { JsonObject } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { describeEdit } from './describe-edit.ts';

const difference = (before: JsonObject, after: JsonObject, layer = 'base', service = 'cam') => ({
  service,
  layer,
  before,
  after,
});

test.each([
  [[difference({ fps: 1 }, { fps: 2 })], 'Set fps to 2 in cam'],
  [[difference({}, { name: 'front door' }, 'prod')], 'Set name to front door in cam (prod)'],
  [[difference({ fps: 1 }, {}, 'prod')], 'Stop setting fps in cam (prod)'],
  [[difference({}, { log: { level: 'warn' } })], 'Set log/level to warn in cam'],
  [[difference({}, { tags: ['a'] })], 'Change tags in cam'],
  [[difference({}, { name: 'x'.repeat(50) })], 'Change name in cam'],
  [[difference({}, { name: 'two\nlines' })], 'Change name in cam'],
  [[difference({}, { name: '' })], 'Set name to "" in cam'],
  [[difference({}, { a: 1, b: 2 }, 'dev')], 'Change 2 settings of cam (dev)'],
  [[difference({}, { a: 1 }), difference({}, { a: 2 }, 'dev')], 'Change 2 settings of cam'],
  [[difference({}, { a: 1 }), difference({}, { a: 2 }, 'base', 'mic')], 'Change 2 settings of 2 services'],
  [[difference({ a: 1 }, { a: 1 })], 'Change config'],
])('%j', (differences, message) => {
  expect(describeEdit(differences)).toBe(message);
});
