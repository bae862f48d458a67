import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { ChangeEvent } from './index.ts';
import type { ServiceSchema } from './options.ts';
import { type FakeHeadwater, fakeHeadwater } from './testing/index.ts';

interface Config {
  readonly threshold: number;
  readonly model: string;
  readonly audio: { readonly rate: number; readonly pin?: string };
  readonly key?: string;
}
const schema: ServiceSchema<Config> = {
  service: 'stt-worker',
  digest: `sha256:${'5'.repeat(64)}`,
  document: {
    type: 'object',
    properties: {
      threshold: { type: 'number', maximum: 1, default: 0.5, 'x-hw': { env: 'THRESHOLD' } },
      model: { type: 'string', default: 'base', 'x-hw': { apply: 'restart' } },
      audio: {
        type: 'object',
        properties: {
          rate: { type: 'integer', default: 16000 },
          pin: { type: 'string', 'x-hw': { secret: true, apply: 'restart' } },
        },
      },
      key: { type: 'string', maxLength: 8, 'x-hw': { secret: true, env: 'KEY' } },
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

describe('a secret', () => {
  test('is read as an ordinary setting and is not shown', async () => {
    await fake.changeSecrets({ '/key': 'sk-1' });
    const client = await fake.connect();
    expectTypeOf(client.config.key).toEqualTypeOf<string | undefined>();
    expect(client.config.key).toBe('sk-1');
    expect(Object.keys(client.config)).not.toContain('key');
    expect(JSON.parse(JSON.stringify(client.config))).toMatchObject({ threshold: 0.5, key: '[secret]' });
    expect(inspect(client, { depth: 9 })).toContain("key: '[secret]'");
    expect(inspect(client, { depth: 9 })).not.toContain('sk-1');
  });

  test('that nobody set is undefined, one that cannot be opened throws what to do, and the config is in use all the same', async () => {
    const client = await fake.connect();
    expect(client.config.key).toBeUndefined();
    expect(client.secret('/key')).toMatchObject({ isAvailable: false, reason: 'absent' });
    await fake.changeSecrets({ '/key': 'sk-1' });
    const other = await fake.connect({ opensSecrets: false });
    const warned: string[] = [];
    other.on('warning', ({ code }) => warned.push(code));
    expect(other.config.threshold).toBe(0.5);
    expect(() => other.config.key).toThrow(
      expect.objectContaining({
        code: 'HW_SECRET_UNAVAILABLE',
        message: expect.stringContaining('the secret /key cannot be read'),
        details: { pointer: '/key', reason: 'other-recipient' },
      }),
    );
    expect(other.secret('/key')).toMatchObject({ isAvailable: false, reason: 'other-recipient' });
    expect(JSON.stringify(other.config)).toContain('"key":"[secret unavailable]"');
    expect([other.state, other.reason]).toEqual(['live', 'secrets-unavailable']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warned).toEqual(['HW_SECRET_UNAVAILABLE']);
  });

  test('that is required and was never set is a warning at once and an error when it is read', async () => {
    const document = { ...schema.document, required: ['key'] };
    const strict = fakeHeadwater({ schema: { ...schema, document } });
    const client = await strict.connect();
    const warning = new Promise((resolve) => client.on('warning', resolve));
    expect(() => client.config.key).toThrow(/it is required and was never set/);
    expect(await warning).toMatchObject({
      code: 'HW_SECRET_MISSING',
      message: 'required secrets were never set: /key',
      hint: 'Set it: headwater secrets set stt-worker /key --env test, or set KEY',
    });
    await strict.close();
  });

  test('that changes is told with its pointer; a listener of it gets the texts', async () => {
    await fake.changeSecrets({ '/key': 'sk-1' });
    const client = await fake.connect();
    const events: ChangeEvent<Config>[] = [];
    client.on('change', (event) => events.push(event));
    const heard = vi.fn();
    client.onChange('/key', heard);
    await fake.changeSecrets({ '/key': 'sk-2' });
    expect(heard).toHaveBeenCalledExactlyOnceWith('sk-2', 'sk-1');
    expect(events[0]?.paths).toEqual(['/key']);
    expect(events[0]?.changes).toEqual([{ path: '/key', from: '[secret]', to: '[secret]', isSecret: true }]);
    expect(events[0]?.previous.key).toBe('sk-1');
    expect(JSON.stringify(events) + inspect(events, { depth: 9 })).not.toContain('sk-');
    await fake.changeSecrets({ '/key': null });
    expect(heard).toHaveBeenLastCalledWith(undefined, 'sk-2');
    expect(events[1]?.changes).toEqual([{ path: '/key', from: '[secret]', to: undefined, isSecret: true }]);
  });

  test('and the config switch in one step', async () => {
    await fake.changeSecrets({ '/key': 'of 0.5' });
    const client = await fake.connect();
    await new Promise((resolve) => setImmediate(resolve)); // events from before `connect` returned come one turn later
    const seen: unknown[] = [];
    client.on('applied', () => seen.push([client.config.threshold, client.config.key]));
    await fake.publish({ threshold: 0.1 }, { '/key': 'of 0.1' });
    expect(seen).toEqual([[0.1, 'of 0.1']]);
  });

  test('of an environment variable stands above the delivered one, and its receipt names only the pointer', async () => {
    await fake.changeSecrets({ '/key': 'sent' });
    const client = await fake.connect({ environment: { KEY: 'sk-env' } });
    expect(client.config.key).toBe('sk-env');
    expect(client.secret('/key')).toMatchObject({ isAvailable: true, source: 'env' });
    expect(client.explain('/key').value).toBe('sk-env');
    await client.close();
    const receipt = [...fake.receipts.values()].at(-1);
    expect(receipt).toMatchObject({ envOverrides: ['/key'], secrets: { recipient: '0'.repeat(16) } });
    expect(JSON.stringify(receipt)).not.toMatch(/sk-env|sent/);
  });

  test('of an empty variable is not there, and one that does not fit is ignored and listed', async () => {
    const client = await fake.connect({ environment: { KEY: '' } });
    expect(client.config.key).toBeUndefined();
    const long = await fake.connect({ environment: { KEY: 'x'.repeat(9) } });
    expect(long.config.key).toBeUndefined();
    await long.close();
    expect([...fake.receipts.values()].at(-1)).toMatchObject({ envOverrides: [], envInvalid: ['/key'] });
  });

  test('that does not fit the schema of the service is refused together with its config', async () => {
    await fake.changeSecrets({ '/key': 'good' });
    const client = await fake.connect();
    await fake.publish({ threshold: 0.1 }, { '/key': 'much too long' });
    expect(client.state).toBe('rejected');
    expect([client.config.threshold, client.config.key]).toEqual([0.5, 'good']);
    expect(client.counters.refused).toEqual({ HW_CONFIG_REJECTED: 1 });
  });

  test('is explained without being shown', async () => {
    await fake.changeSecrets({ '/key': 'sk-1' });
    const client = await fake.connect();
    const explanation = client.explain('/key');
    expect(explanation.value).toBe('sk-1');
    expect(JSON.stringify(explanation)).toBe(
      `{"source":"live","epoch":${JSON.stringify(client.epoch)},"value":"[secret]"}`,
    );
    expect(inspect([explanation, client.secret('/key')])).not.toContain('sk-1');
  });

  test('marked restart waits for one when it changes', async () => {
    await fake.changeSecrets({ '/audio/pin': 'one' });
    const client = await fake.connect();
    expect(client.config.audio.pin).toBe('one');
    await fake.changeSecrets({ '/audio/pin': 'two' });
    expect(client.restartPending).toEqual(['/audio/pin']);
    await fake.changeSecrets({ '/audio/pin': 'one' });
    expect(client.restartPending).toEqual([]);
  });

  test('inside an object is heard by a listener of the object', async () => {
    const client = await fake.connect();
    const heard = vi.fn();
    client.onChange('/audio', heard);
    await fake.changeSecrets({ '/audio/pin': 'one' });
    expect(heard).toHaveBeenCalledTimes(1);
    expect(heard.mock.calls[0]?.[0].pin).toBe('one');
  });
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
