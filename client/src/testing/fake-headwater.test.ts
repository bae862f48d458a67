import { afterEach, expect, test } from 'vitest';
import type { ServiceSchema } from '../options.ts';
import { type FakeHeadwater, fakeHeadwater } from './index.ts';

interface Config {
  readonly threshold: number;
  readonly model: string;
}
const schema: ServiceSchema<Config> = {
  service: 'stt-worker',
  digest: `sha256:${'5'.repeat(64)}`,
  document: {
    type: 'object',
    properties: {
      threshold: { type: 'number', maximum: 1, default: 0.5, 'x-hw': { env: 'THRESHOLD' } },
      model: { type: 'string', default: 'base', 'x-hw': { apply: 'restart' } },
    },
  },
  defaults: { threshold: 0.5, model: 'base' },
};

let fake: FakeHeadwater<Config>;
afterEach(() => fake.close());

test('a test feeds config to its service without a broker', async () => {
  fake = fakeHeadwater({ schema, config: { threshold: 0.4 } });
  const client = await fake.connect();
  expect(client.config).toEqual({ threshold: 0.4, model: 'base' });
  const seen: number[] = [];
  client.onChange('/threshold', (value) => seen.push(value));
  await fake.change({ threshold: 0.6 });
  await fake.publish({ model: 'large' });
  expect(seen).toEqual([0.6, 0.5]);
  expect(client.config).toEqual({ threshold: 0.5, model: 'large' });
  expect(client.restartPending).toEqual(['/model']);
  expect(client.state).toBe('live');
});

test('a lost connection and a removal can be played', async () => {
  fake = fakeHeadwater({ schema });
  const client = await fake.connect();
  fake.disconnect();
  await fake.change({ threshold: 0.7 });
  expect(client.config.threshold).toBe(0.5);
  await fake.remove();
  expect(client.state).toBe('live');
});

test('a config that does not fit the schema is refused and the old one stays', async () => {
  fake = fakeHeadwater({ schema });
  const client = await fake.connect();
  await fake.change({ threshold: 2 });
  expect(client.state).toBe('rejected');
  expect(client.config.threshold).toBe(0.5);
  expect(client.counters.refused).toEqual({ HW_CONFIG_REJECTED: 1 });
});

test('an override by the environment wins and says so', async () => {
  fake = fakeHeadwater({ schema });
  const client = await fake.connect({ environment: { THRESHOLD: '0.9' } });
  expect(client.config.threshold).toBe(0.9);
  expect(client.explain('/threshold')).toMatchObject({ value: 0.9, source: 'env' });
  expect(client.explain('/model')).toMatchObject({ value: 'base', source: 'live', epoch: { seq: 1 } });
});
