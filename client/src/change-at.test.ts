import type { JsonObject } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { changeAt } from './change-at.ts';
import { changesBetween } from './changes.ts';
import { attachSecrets } from './secrets/attach-secrets.ts';
import { SecretSlot } from './secrets/secret-slot.ts';
import type { ChangeEvent } from './types.ts';

const pointer = '/db/password';
const problem = { reason: 'damaged', message: 'it is broken', hint: 'Mend it.' } as const;
const open = (value: string) => SecretSlot.of(pointer, value);
const closed = SecretSlot.without(pointer, problem);
const withSlot = (slot: SecretSlot | null, host = 'x') =>
  attachSecrets({ db: { host } }, new Map(slot ? [[pointer, slot]] : []));
const between = (previous: JsonObject, current: JsonObject) =>
  ({ previous, current, changes: changesBetween(previous, current) }) as unknown as ChangeEvent<unknown>;

test('a listener hears of a secret that changed, came or went', () => {
  const change = (from: SecretSlot | null, to: SecretSlot | null) =>
    changeAt(pointer, between(withSlot(from), withSlot(to)));
  expect(change(open('a'), open('b'))).toEqual({ value: 'b', previous: 'a' });
  expect(change(null, open('b'))).toEqual({ value: 'b', previous: undefined });
  expect(change(open('a'), null)).toEqual({ value: undefined, previous: 'a' });
  expect(change(open('a'), open('a'))).toBeNull();
});

test('of one that became unavailable it hears nothing, of one that is back its value', () => {
  expect(changeAt(pointer, between(withSlot(open('a')), withSlot(closed)))).toBeNull();
  expect(changeAt(pointer, between(withSlot(closed), withSlot(closed, 'y')))).toBeNull();
  const back = changeAt(pointer, between(withSlot(closed), withSlot(open('a'))));
  expect(back).toEqual({ value: 'a', previous: undefined });
});

test('a listener of the object around it hears of it, a listener of something else does not', () => {
  const event = between(withSlot(open('a')), withSlot(open('b')));
  expect(changeAt('/db', event)?.value).toBe((event.current as JsonObject).db);
  expect(changeAt('/db/host', event)).toBeNull();
  expect(changeAt('/d', event)).toBeNull();
  expect(changeAt('', event)).not.toBeNull();
});
