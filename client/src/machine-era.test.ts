/** A new era: history was rewritten and accepted, so a lower seq is newer. It is applied once, and nothing of the old one ever again. */
import { compareEpochs, type Epoch, type JsonObject } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialState } from './machine.ts';
import type { TopicKind } from './machine-state.ts';
import { MachineWorld, target } from './test-support/machine-world.ts';

interface Sent {
  readonly topic: TopicKind;
  readonly bytes: Uint8Array;
}

/** A client at #9 of era 1. */
function scene() {
  const world = new MachineWorld();
  world.connect();
  for (let seq = 1; seq <= 9; seq++) world.publish(seq, { value: seq });
  expect(world.config).toEqual({ value: 9 });
  return world;
}

/** What a daemon sends of a service in a new era: its snapshot on both topics, then a statement. */
function eraMessages({ maker }: MachineWorld, epoch: Epoch, config: JsonObject, names = true): Sent[] {
  const snapshot = maker.snapshot(epoch, config);
  const { seq, commit } = epoch;
  const recent = [{ seq, commit, services: names ? { [target.service]: seq } : {} }];
  return [
    { topic: 'snapshot', bytes: snapshot },
    { topic: 'diff', bytes: snapshot },
    { topic: 'epoch', bytes: maker.statement(epoch, recent) },
  ];
}

const appliedEras = (world: MachineWorld): number[] =>
  world.effects.flatMap((effect) => (effect.type === 'applied' ? [effect.held.epoch.era] : []));

describe('a new era', () => {
  test('with a lower seq is applied exactly once, in whatever order and however often its messages come', () => {
    const orders = fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 3, maxLength: 6 });
    fc.assert(
      fc.property(orders, (order) => {
        const world = scene();
        const old = [...world.retained];
        const messages = eraMessages(world, world.maker.epoch(3, 2), { value: 'new' });
        for (const { topic, bytes } of messages) if (topic !== 'diff') world.retained.set(topic, bytes);
        for (const at of order) {
          const { topic, bytes } = messages[at] as Sent;
          world.deliver(topic, bytes);
        }
        world.wait(62_000);
        expect(world.config).toEqual({ value: 'new' });
        expect(appliedEras(world).filter((era) => era === 2)).toHaveLength(1);
        // Whatever is left of the old era comes too late, also with a higher seq.
        for (const [topic, bytes] of old) if (topic !== 'keys') world.deliver(topic, bytes);
        world.deliver('diff', world.maker.snapshot(world.maker.epoch(99), { value: 'old' }));
        expect(world.config).toEqual({ value: 'new' });
        expect(world.refusals.at(-1)).toBe('HW_ROLLBACK');
        expect(appliedEras(world).lastIndexOf(1)).toBeLessThan(appliedEras(world).indexOf(2));
      }),
      { numRuns: 60 },
    );
  });

  test('reaches a client that missed it: no snapshot of the old era settles its statement', () => {
    const world = scene();
    const epoch = world.maker.epoch(3, 2);
    const [snapshot, , statement] = eraMessages(world, epoch, { value: 'new' }, false) as [Sent, Sent, Sent];
    world.send('epoch', statement.bytes, true); // what the broker still retains of the service is of era 1
    world.wait(62_000);
    expect(world.config).toEqual({ value: 9 });
    world.send('snapshot', snapshot.bytes, true);
    world.wait(62_000);
    expect(world.config).toEqual({ value: 'new' });
    expect(world.state.fetch).toBeNull();
  });

  test('reaches a client that slept through it, and its marks never go back', () => {
    const world = scene();
    const { keyring, marks, held } = world.state;
    world.disconnect();
    for (const { topic, bytes } of eraMessages(world, world.maker.epoch(2, 4), { value: 'new' }))
      if (topic !== 'diff') world.retained.set(topic, bytes);
    world.state = initialState({ keyring, marks, held: held && { ...held, source: 'lkg' } });
    world.connect();
    world.wait(5_000);
    expect(world.config).toEqual({ value: 'new' });
    expect(world.state.status.state).toBe('live');
  });
});

test('across eras the order is (era, seq), whatever is lost, repeated or late', () => {
  const step = fc.record({ era: fc.integer({ min: 1, max: 4 }), seq: fc.integer({ min: 1, max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const world = new MachineWorld();
      world.connect();
      let highest: Epoch | null = null;
      for (const { era, seq } of steps) {
        const epoch = world.maker.epoch(seq, era);
        for (const { topic, bytes } of eraMessages(world, epoch, { value: `${era}.${seq}` }))
          world.deliver(topic, bytes);
        if (highest === null || compareEpochs(epoch, highest) > 0) highest = epoch;
        expect(world.state.held?.epoch).toEqual(highest);
        expect(world.config).toEqual({ value: `${highest.era}.${highest.seq}` });
      }
    }),
    { numRuns: 100 },
  );
});
