import { expect, test } from 'vitest';
import { createTurnstile } from './turnstile.ts';

const signal = new AbortController().signal;

test('those beyond the limit wait their turn, in order; beyond the queue they are told to come back', async () => {
  const turnstile = createTurnstile(1, 2);
  const order: string[] = [];
  const leave = await turnstile.enter(signal);
  const queued = ['second', 'third'].map(async (name) => {
    const out = await turnstile.enter(signal);
    order.push(name);
    out();
  });
  await expect(turnstile.enter(signal)).rejects.toMatchObject({ code: 'HW_GIT_BUSY' });
  leave();
  leave(); // leaving twice makes no room for two
  await Promise.all(queued);
  expect(order).toEqual(['second', 'third']);
  (await turnstile.enter(signal))();
});

test('whoever gives up while waiting leaves the queue', async () => {
  const turnstile = createTurnstile(1, 1);
  const leave = await turnstile.enter(signal);
  const gone = new AbortController();
  const waiting = turnstile.enter(gone.signal);
  gone.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'HW_GIT_BUSY' });
  const next = turnstile.enter(signal);
  leave();
  (await next)();
});
