import { isHeadwaterError } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { parseBrokerUrl } from './broker-url.ts';

test('reads host, port and credentials, and shows the URL without them', () => {
  expect(parseBrokerUrl('mqtts://daemon:p%40ss@broker.example')).toEqual({
    host: 'broker.example',
    port: 8883,
    secure: true,
    username: 'daemon',
    password: 'p@ss',
    display: 'mqtts://broker.example:8883',
  });
  expect(parseBrokerUrl('mqtt://[::1]:1884')).toMatchObject({
    host: '::1',
    port: 1884,
    display: 'mqtt://[::1]:1884',
  });
});

test.each(['http://user:hunter2@host', 'user:hunter2@host', 'mqtt://', ''])(
  'refuses %j without repeating it',
  (text) => {
    const attempt = () => parseBrokerUrl(text);
    expect(attempt).toThrow();
    try {
      attempt();
    } catch (error) {
      expect(isHeadwaterError(error, 'HW_OPTIONS_INVALID')).toBe(true);
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('hunter2');
    }
  },
);
