import { describe, expect, test } from 'vitest';
import type { BrokerIdentity } from '../ports.ts';
import { mayPublish, maySubscribe, ownsClientId } from './broker-policy.ts';

const prefix = 'headwater/tars';
const stt: BrokerIdentity = { kind: 'service', env: 'prod', service: 'stt', tokenId: 't1' };

describe('a service may read', () => {
  test.each([
    'headwater/tars/keys',
    'headwater/tars/prod/epoch',
    'headwater/tars/prod/services/stt/snapshot',
    'headwater/tars/prod/services/stt/diff',
    'headwater/tars/prod/services/stt/schema',
  ])('%s', (filter) => {
    expect(maySubscribe(prefix, stt, filter)).toBe(true);
  });
});

describe('a service may not read', () => {
  test.each([
    '#',
    '+',
    '',
    '/',
    'headwater/tars',
    'headwater/tars/#',
    'headwater/tars/keys/#',
    'headwater/tars/+',
    'headwater/tars/+/epoch',
    'headwater/tars/prod/services/+/snapshot',
    'headwater/tars/prod/services/stt/+',
    'headwater/tars/prod/services/stt/#',
    'headwater/tars/prod/services/tts/snapshot',
    'headwater/tars/prod/services/stt2/snapshot',
    'headwater/tars/dev/services/stt/snapshot',
    'headwater/tars/dev/epoch',
    'headwater/tars/prod/services/stt/clients/prod.stt.a',
    'headwater/tars/daemons/d1/health',
    'headwater/other/prod/services/stt/snapshot',
    '$share/group/headwater/tars/keys',
    '$queue/headwater/tars/keys',
    '$SYS/#',
    '$SYS/broker/clients/total',
    'headwater/tars/prod/services/stt/snapshot/',
    'HEADWATER/tars/keys',
    'headwater/tars/keys\u0000',
  ])('%j', (filter) => {
    expect(maySubscribe(prefix, stt, filter)).toBe(false);
  });

  test('anything at all under a name that would turn its topics into wildcards', () => {
    for (const name of ['+', '#', 'stt/snapshot', '', 'STT', 'all']) {
      expect(
        maySubscribe(prefix, { ...stt, service: name }, `${prefix}/prod/services/${name}/snapshot`),
      ).toBe(false);
      expect(maySubscribe(prefix, { ...stt, env: name }, `${prefix}/${name}/epoch`)).toBe(false);
    }
  });
});

describe('a service may publish', () => {
  const own = 'headwater/tars/prod/services/stt/clients/prod.stt.host-1a2b';
  const id = 'prod.stt.host-1a2b';

  test('its own receipt, retained or not, with QoS 0 or 1', () => {
    for (const qos of [0, 1]) {
      for (const retain of [true, false]) {
        expect(mayPublish(prefix, stt, id, { topic: own, retain, qos })).toBe(true);
      }
    }
  });

  test('no receipt with QoS 2', () => {
    expect(mayPublish(prefix, stt, id, { topic: own, retain: true, qos: 2 })).toBe(false);
  });

  test.each([
    'headwater/tars/keys',
    'headwater/tars/prod/epoch',
    'headwater/tars/prod/services/stt/snapshot',
    'headwater/tars/prod/services/stt/diff',
    'headwater/tars/prod/services/stt/schema',
    'headwater/tars/prod/services/stt/clients/prod.stt.other',
    'headwater/tars/prod/services/tts/clients/prod.stt.host-1a2b',
    'headwater/tars/prod/services/stt/clients/',
    'headwater/tars/prod/services/stt/clients/prod.stt.host-1a2b/x',
    'headwater/tars/daemons/d1/health',
    '$SYS/broker/x',
    '',
  ])('never %j', (topic) => {
    expect(mayPublish(prefix, stt, id, { topic, retain: true, qos: 1 })).toBe(false);
  });
});

describe('a client id belongs to a service', () => {
  test('when its environment and service are the same, whatever the instance', () => {
    expect(ownsClientId(stt, 'prod.stt.a')).toBe(true);
    expect(ownsClientId(stt, 'prod.stt.host_B-9')).toBe(true);
  });

  test.each([
    'prod.tts.a',
    'dev.stt.a',
    'prod.stt',
    'prod.stt.',
    'prod.stt.a.b',
    'prod.stt2.a',
    'x',
    '',
    'prod.stt.#',
    'prod.stt.a/b',
  ])('and not %j', (clientId) => {
    expect(ownsClientId(stt, clientId)).toBe(false);
    const topic = `${prefix}/prod/services/stt/clients/${clientId}`;
    expect(mayPublish(prefix, stt, clientId, { topic, retain: true, qos: 1 })).toBe(false);
  });
});
