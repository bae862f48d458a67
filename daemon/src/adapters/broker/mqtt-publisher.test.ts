import { isHeadwaterError } from '@headwater/schemas/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublisherEvents } from '../../ports.ts';
import { type Mosquitto, startMosquitto } from '../../testing/mosquitto.ts';
import { publisherContract } from '../../testing/publisher.contract.ts';
import { RawMqtt } from '../../testing/raw-mqtt.ts';
import { createMqttPublisher, type MqttPublisherOptions } from './mqtt-publisher.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const will = { topic: 't/daemons/1/health', payload: Buffer.from('{"ok":false}') };

function publisherFor(url: string, options: Partial<MqttPublisherOptions> = {}) {
  return createMqttPublisher({ url, clientId: 'headwater-daemon-1', will, log: silent, ...options });
}

describe('with Mosquitto', () => {
  let mosquitto: Mosquitto;
  beforeAll(async () => {
    mosquitto = await startMosquitto();
  });
  afterAll(() => mosquitto.stop());

  publisherContract(
    'Mosquitto',
    async () => {
      await mosquitto.restart();
      return {
        publisher: publisherFor(mosquitto.url),
        restartBroker: () => mosquitto.restart(),
        close: async () => undefined,
      };
    },
    { restarts: true },
  );

  test('the last will is published when the daemon vanishes, and not when it closes', async () => {
    await mosquitto.restart();
    const watcher = new RawMqtt({ host: '127.0.0.1', port: mosquitto.port });
    expect(await watcher.connect({ clientId: 'watcher' })).toBe(0);
    await watcher.subscribe([will.topic]);
    const polite = publisherFor(mosquitto.url);
    await connected(polite);
    await polite.close();
    await watcher.settled();
    expect(watcher.received).toEqual([]);

    const doomed = publisherFor(mosquitto.url);
    await connected(doomed);
    // A second connection with its client id is, for the broker, the end of the first without a goodbye.
    const thief = new RawMqtt({ host: '127.0.0.1', port: mosquitto.port });
    await thief.connect({ clientId: 'headwater-daemon-1' });
    expect(await watcher.next('publish')).toMatchObject({ topic: will.topic, payload: will.payload });
    await doomed.close();
    await Promise.all([watcher.crash(), thief.crash()]);
  });

  test('reading leaves nothing behind on the broker', async () => {
    await mosquitto.restart();
    const publisher = publisherFor(mosquitto.url);
    await connected(publisher);
    await publisher.readRetained(['t/a']);
    await publisher.close();
    const watcher = new RawMqtt({ host: '127.0.0.1', port: mosquitto.port });
    await watcher.connect({ clientId: 'watcher' });
    await watcher.subscribe(['t/#']);
    await watcher.settled();
    expect(watcher.received).toEqual([]);
    await watcher.crash();
  });
});

describe('with a Mosquitto that asks for a password', () => {
  let mosquitto: Mosquitto;
  beforeAll(async () => {
    mosquitto = await startMosquitto({
      passwords: { daemon: 's3cr3t-of-daemon' },
      acl: 'user daemon\ntopic readwrite t/#\n',
    });
  });
  afterAll(() => mosquitto.stop());

  const withCredentials = (password: string): string =>
    mosquitto.url.replace('mqtt://', `mqtt://daemon:${password}@`);

  test('credentials of the URL are used and never shown', async () => {
    const publisher = publisherFor(withCredentials('s3cr3t-of-daemon'));
    await connected(publisher);
    expect(publisher.url).toBe(mosquitto.url);
    await publisher.publish({ topic: 't/a', payload: Buffer.from('x'), retain: true, qos: 1 });
    expect((await publisher.readRetained(['t/a'])).size).toBe(1);
    await publisher.close();
  });

  test('wrong ones are reported without repeating them, once, and publishing says why', async () => {
    const said: string[] = [];
    const note = (fields: object, phrase: string): void =>
      void said.push(`${JSON.stringify(fields)} ${phrase}`);
    const publisher = publisherFor(withCredentials('wrong-s3cr3t'), {
      log: { debug: note, info: note, warn: note, error: note },
    });
    const reason = await new Promise<string>((resolve) => {
      void publisher.start([], { ...nothing, onDisconnect: resolve });
    });
    expect(reason).toContain('ot authorized');
    const failure = await publisher
      .publish({ topic: 't/a', payload: Buffer.from('x'), retain: true, qos: 1 })
      .catch(String);
    expect(failure).toContain('ot authorized');
    expect([...said, reason, failure].join()).not.toContain('s3cr3t');
    await publisher.close();
  });
});

test('a broker that is not there: reported, retried, and closing does not wait for the next attempt', async () => {
  const mosquitto = await startMosquitto();
  await mosquitto.stop();
  const publisher = publisherFor(mosquitto.url);
  const reason = await new Promise<string>((resolve) => {
    void publisher.start([], { ...nothing, onDisconnect: resolve });
  });
  expect(reason).toContain('ECONNREFUSED');
  await expect(
    publisher.publish({ topic: 't/a', payload: Buffer.from('x'), retain: true, qos: 1 }),
  ).rejects.toSatisfy((error) => isHeadwaterError(error, 'HW_BROKER_UNREACHABLE'));
  await publisher.close();
});

const nothing: PublisherEvents = { onConnect() {}, onDisconnect() {}, onMessage() {} };

function connected(publisher: ReturnType<typeof createMqttPublisher>): Promise<void> {
  return new Promise((resolve) => {
    void publisher.start([], { ...nothing, onConnect: resolve });
  });
}
