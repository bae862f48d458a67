import { expect, test } from 'vitest';
import { readEnvOverrides } from './env-overrides.ts';

const setting = (schema: object, env: string) => ({ ...schema, 'x-hw': { env } });
const schema = {
  type: 'object',
  properties: {
    rate: setting({ type: 'integer', minimum: 1 }, 'RATE'),
    gain: setting({ type: 'number' }, 'GAIN'),
    on: setting({ type: 'boolean' }, 'ON'),
    name: setting({ type: 'string' }, 'NAME'),
    url: setting({ type: ['string', 'null'], pattern: '^wss?://' }, 'URL'),
    words: setting({ type: 'array', items: { type: 'string' } }, 'WORDS'),
    mode: setting({ enum: ['fast', 'slow'] }, 'MODE'),
    audio: { type: 'object', properties: { device: setting({ type: 'string' }, 'DEVICE') } },
    key: { type: 'string', 'x-hw': { env: 'KEY', secret: true } },
    plain: { type: 'string' },
  },
} as never;
const read = (environment: Record<string, string>) => readEnvOverrides(schema, environment);

test('text becomes a value of the setting’s type', () => {
  const environment = {
    RATE: '8',
    GAIN: '-0.5e1',
    ON: 'Yes',
    NAME: '12',
    URL: '',
    WORDS: '["a"]',
    MODE: 'slow',
    DEVICE: 'usb',
  };
  expect(Object.fromEntries(read(environment).values)).toEqual({
    '/rate': 8,
    '/gain': -5,
    '/on': true,
    '/name': '12',
    '/url': null,
    '/words': ['a'],
    '/mode': 'slow',
    '/audio/device': 'usb',
  });
});

test('what does not fit is ignored and listed, without its value', () => {
  const { values, invalid } = read({
    RATE: '0',
    GAIN: 'loud',
    ON: 'maybe',
    URL: 'http://x',
    WORDS: 'a,b',
    MODE: 'x',
  });
  expect(values.size).toBe(0);
  expect(invalid).toEqual(['/rate', '/gain', '/on', '/url', '/words', '/mode']);
});

test('variables that were set from this config are no overrides', () => {
  const { values } = read({ HEADWATER_INJECTED: 'RATE,GAIN', RATE: '8', GAIN: '1', NAME: 'own' });
  expect([...values.keys()]).toEqual(['/name']);
});

test('a secret setting is kept apart from the config', () => {
  const { values, secrets } = read({ KEY: 'sk-1' });
  expect(values.size).toBe(0);
  expect(secrets.get('/key')).toBe('sk-1');
});
