import { expect, test } from 'vitest';
import { LiveEvents, type NumberedEvent } from './live-events.ts';

const tip = (n: number) => ({ type: 'tip', commit: String(n) }) as const;

test('listeners hear what happens after they came, in order, until they go', () => {
  const events = new LiveEvents();
  const heard: NumberedEvent[] = [];
  events.publish(tip(1));
  const stop = events.subscribe((event) => heard.push(event));
  events.publish(tip(2));
  events.publish(tip(3));
  stop();
  events.publish(tip(4));
  expect(heard.map(({ event }) => event)).toEqual([tip(2), tip(3)]);
});

test('whoever names the last event heard gets all that followed', () => {
  const events = new LiveEvents();
  const start = events.lastId;
  expect(events.since(start)).toEqual([]);
  for (let n = 1; n <= 3; n++) events.publish(tip(n));
  expect(events.since(start)?.map(({ event }) => event)).toEqual([tip(1), tip(2), tip(3)]);
  expect(events.since(events.since(start)?.[1]?.id ?? '')?.map(({ event }) => event)).toEqual([tip(3)]);
});

test('what is forgotten, or of another run, cannot be resumed', () => {
  const events = new LiveEvents();
  const heard: NumberedEvent[] = [];
  events.subscribe((event) => heard.push(event));
  for (let n = 0; n < 1_200; n++) events.publish(tip(n));
  expect(events.since(heard[0]?.id ?? '')).toBeNull();
  expect(events.since(heard[1_000]?.id ?? '')).toHaveLength(199);
  expect(events.since(`${events.lastId.split('-')[0]}-99999`)).toBeNull();
  expect(new LiveEvents().since(events.lastId)).toBeNull();
});
