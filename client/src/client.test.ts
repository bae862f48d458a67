import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { ChangeEvent } from './index.ts';
import type { ServiceSchema } from './options.ts';
import { type FakeHeadwater, fakeHeadwater } from './testing/index.ts';

interface Config {
  readonly threshold: number;
  readonly model: string;
  readonly audio: { readonly rate: number };
}
const schema: ServiceSchema<Config> = {
  service: 'stt-worker',
  digest: `sha256:${'5'.repeat(64)}`,
  document: {
    type: 'object',
    properties: {
      threshold: { type: 'number', maximum: 1, default: 0.5, 'x-hw': { env: 'THRESHOLD' } },
      model: { type: 'string', default: 'base', 'x-hw': { apply: 'restart' } },
      audio: { type: 'object', properties: { rate: { type: 'integer', default: 16000 } } },
      key: { type: 'string', 'x-hw': { secret: true, env: 'KEY' } },
    },
  },
  defaults: { threshold: 0.5, model: 'base', audio: { rate: 16000 } },
};

let fake: FakeHeadwater<Config>;
beforeEach(() => {
  fake = fakeHeadwater({ schema });
});
afterEach(async () => {
  vi.useRealTimers();
  await fake.close();
});

test('the type of the config comes from the schema module', async () => {
  const client = await fake.connect();
  expectTypeOf(client.config.audio.rate).toEqualTypeOf<number>();
  client.onChange('/model', (value) => expectTypeOf(value).toEqualTypeOf<string>());
});

describe('the config', () => {
  test('is frozen to the bottom, and a change is another object that shares what did not change', async () => {
    const client = await fake.connect();
    const before = client.config;
    expect(() => Object.assign(before.audio, { rate: 1 })).toThrow(TypeError);
    await fake.change({ threshold: 0.6 });
    expect(before.threshold).toBe(0.5);
    expect(client.config.threshold).toBe(0.6);
    expect(client.config.audio).toBe(before.audio);
  });

  test('at start stays what it was, and restart settings that differ from it are named until they agree again', async () => {
    const client = await fake.connect();
    const events: ChangeEvent<Config>[] = [];
    client.on('change', (event) => events.push(event));
    await fake.change({ model: 'large', threshold: 0.1 });
    expect(client.atStart.model).toBe('base');
    expect(client.restartPending).toEqual(['/model']);
    await fake.change({ model: 'base' });
    expect(client.restartPending).toEqual([]);
    expect(events.map((event) => [event.paths, event.restartPending])).toEqual([
      [['/threshold', '/model'], ['/model']],
      [['/model'], []],
    ]);
  });

  test('a commit that leaves the config as it is moves the epoch without an event', async () => {
    const client = await fake.connect();
    const change = vi.fn();
    client.on('change', change);
    await fake.change({});
    expect(client.epoch?.seq).toBe(2);
    expect(change).not.toHaveBeenCalled();
  });
});

test('a listener of one setting hears only of it, and no more once it stopped', async () => {
  const client = await fake.connect();
  const heard = vi.fn();
  const stop = client.onChange('/audio/rate', heard);
  await fake.change({ threshold: 0.1 });
  expect(heard).not.toHaveBeenCalled();
  await fake.change({ audio: { rate: 8000 } });
  expect(heard).toHaveBeenCalledExactlyOnceWith(8000, 16000);
  stop();
  await fake.change({ audio: { rate: 1 } });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(() => client.onChange('audio.rate', heard)).toThrow(/not a JSON Pointer/);
});

test('an override holds against every publication; its receipt names it but not its value', async () => {
  const client = await fake.connect({ environment: { THRESHOLD: '0.25' } });
  await fake.change({ threshold: 0.9 });
  expect(client.config.threshold).toBe(0.25);
  await client.close();
  const receipt = [...fake.receipts.values()].at(-1);
  expect(receipt).toMatchObject({ envOverrides: ['/threshold'], envInvalid: [], schema: schema.digest });
  expect(JSON.stringify(receipt)).not.toContain('0.25');
});

test('an override that does not fit is ignored and listed', async () => {
  const client = await fake.connect({ environment: { THRESHOLD: '7' } });
  expect(client.config.threshold).toBe(0.5);
  await client.close();
  expect([...fake.receipts.values()].at(-1)).toMatchObject({ envOverrides: [], envInvalid: ['/threshold'] });
});

test('a secret is never part of the config; without an override it is a typed absence', async () => {
  const client = await fake.connect({ environment: { KEY: 'sk-1' } });
  expect(client.secret('/key')).toEqual({ isAvailable: true, value: 'sk-1', source: 'env' });
  expect(client.config).not.toHaveProperty('key');
  const other = await fake.connect();
  expect(other.secret('/key')).toEqual({ isAvailable: false, reason: 'absent' });
});

test('silence of the daemon for ninety seconds is stale; hands of the wall clock do not matter', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  const client = await fake.connect();
  await new Promise((resolve) => setImmediate(resolve)); // events from before `connect` returned come one turn later
  const states: string[] = [];
  client.on('state', ({ state, reason }) => states.push(`${state} ${reason}`));
  vi.setSystemTime('2099-01-01');
  vi.advanceTimersByTime(89_999);
  expect(client.state).toBe('live');
  vi.advanceTimersByTime(1);
  expect(states).toEqual(['stale no-statement']);
  await fake.change({ threshold: 0.7 });
  expect(client.state).toBe('live');
  expect(client.config.threshold).toBe(0.7);
});

test('a burst of changes makes few receipts, and the last one is right', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const client = await fake.connect();
  vi.advanceTimersByTime(200);
  for (let i = 1; i <= 20; i++) await fake.change({ threshold: i / 100 });
  const seqs = () =>
    [...fake.receipts.values()].map((receipt) => (receipt as { epoch: { seq: number } }).epoch.seq);
  expect(seqs()).toEqual([2]);
  vi.advanceTimersByTime(200);
  expect(seqs()).toEqual([21]);
  expect(client.counters.applied).toBe(21);
});

test('after close the config is still readable, and nothing arrives any more', async () => {
  const client = await fake.connect();
  await client.close();
  await client.close();
  await fake.change({ threshold: 0.9 });
  expect(client.config.threshold).toBe(0.5);
  expect(client.state).toBe('offline');
});
