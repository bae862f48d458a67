import { isHeadwaterError } from '@headwater/schemas/protocol';
import mqttPacket from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { createBrokerScene, PREFIX } from '../../testing/broker-scene.ts';
import { connectPacket, type RawConnect } from '../../testing/raw-mqtt.ts';
import { createEmbeddedBroker } from './embedded-broker.ts';

const stt: RawConnect = { clientId: 'prod.stt.one', username: 'prod/stt', password: 'token-of-prod-stt' };
const receipt = `${PREFIX}/prod/services/stt/clients/prod.stt.one`;

describe('packets', () => {
  test('a CONNECT over 16 KB is cut off before anybody judges it', async () => {
    let judged = 0;
    await using scene = await createBrokerScene({
      authenticator: {
        async authenticate() {
          judged += 1;
          return null;
        },
      },
    });
    const client = scene.stranger();
    expect(await client.connect({ ...stt, password: 'x'.repeat(17_000) })).toBe('closed');
    expect(judged).toBe(0);
  });

  test('a CONNECT that announces 256 MB costs nothing: it is cut off at its first bytes', async () => {
    await using scene = await createBrokerScene();
    const client = scene.stranger();
    client.socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await client.closed;
  });

  test('a large packet right behind a CONNECT that is still being judged is cut off too', async () => {
    await using scene = await createBrokerScene({
      authenticator: { authenticate: () => new Promise(() => undefined) },
    });
    const client = scene.stranger();
    const flood = {
      cmd: 'publish',
      topic: receipt,
      payload: Buffer.alloc(20_000),
      qos: 0,
      retain: true,
      dup: false,
    } as const;
    client.socket.write(Buffer.concat([mqttPacket.generate(connectPacket(stt)), mqttPacket.generate(flood)]));
    await client.closed;
  });

  test('a PUBLISH over 1 MB is cut off, one of 60 KB is not', async () => {
    await using scene = await createBrokerScene();
    const client = await scene.client('prod', 'stt');
    expect(await client.publish(receipt, Buffer.alloc(60_000, 1))).toBe('acknowledged');
    expect(await client.publish(receipt, Buffer.alloc(1_060_000, 1))).toBe('closed');
    expect(scene.broker.retained(receipt)?.length).toBe(60_000);
  });

  test('a topic of twenty levels ends its own connection and nothing else', async () => {
    await using scene = await createBrokerScene();
    const client = await scene.client('prod', 'stt');
    expect(await client.subscribe(['a/'.repeat(20)])).toBe('closed');
    expect(await (await scene.client('prod', 'tts')).settled()).toBe('answered');
  });
});

describe('receipts', () => {
  test('of many invented instances do not fill memory', async () => {
    await using scene = await createBrokerScene({ limits: { maxReceiptBytesPerService: 10_000 } });
    const full = Buffer.alloc(6_000, 1);
    const [one, two, other] = [
      await scene.client('prod', 'stt', 'one'),
      await scene.client('prod', 'stt', 'two'),
      await scene.client('prod', 'tts', 'one'),
    ];
    expect(await one.publish(receipt, full)).toBe('acknowledged');
    expect(await one.publish(receipt, full)).toBe('acknowledged'); // replaces, does not add
    expect(await two.publish(`${PREFIX}/prod/services/stt/clients/prod.stt.two`, full)).toBe('closed');
    expect(await other.publish(`${PREFIX}/prod/services/tts/clients/prod.tts.one`, full)).toBe(
      'acknowledged',
    );
  });

  test('have a size', async () => {
    await using scene = await createBrokerScene();
    const client = await scene.client('prod', 'stt');
    expect(await client.publish(receipt, Buffer.alloc(70_000, 1))).toBe('closed');
  });
});

describe('connections', () => {
  test('beyond the total are closed at once, and there is room again when one leaves', async () => {
    await using scene = await createBrokerScene({ limits: { maxConnections: 2 } });
    const first = await scene.client('prod', 'stt', 'one');
    await scene.client('prod', 'stt', 'two');
    expect(await scene.stranger().connect({ ...stt, clientId: 'prod.stt.three' })).toBe('closed');
    const gone = new Promise((resolve) => scene.broker.follow(receipt, resolve));
    await first.publish(receipt, 'bye');
    await gone;
    first.send({ cmd: 'disconnect' });
    await first.closed;
    await scene.client('prod', 'stt', 'three');
  });

  test('of one service are limited, but it may replace its own', async () => {
    await using scene = await createBrokerScene({ limits: { maxConnectionsPerUser: 2 } });
    await scene.client('prod', 'stt', 'one');
    await scene.client('prod', 'stt', 'two');
    expect(await scene.stranger().connect({ ...stt, clientId: 'prod.stt.three' })).toBe(3);
    await scene.client('prod', 'stt', 'two');
    await scene.client('prod', 'tts', 'one');
  });

  test('that never say who they are are closed', async () => {
    await using scene = await createBrokerScene({ limits: { connectTimeoutMs: 20 } });
    const silent = scene.stranger();
    const slow = scene.stranger();
    slow.socket.write(Buffer.from([0x10, 0x20, 0x00])); // the beginning of a CONNECT
    await Promise.all([silent.closed, slow.closed]);
  });

  test('that fall silent are closed after one and a half keepalives', async () => {
    await using scene = await createBrokerScene();
    const client = scene.stranger();
    expect(await client.connect({ ...stt, keepalive: 1 })).toBe(0);
    await client.closed;
  });

  test('that send faster than they are let in are closed', async () => {
    await using scene = await createBrokerScene({
      authenticator: { authenticate: () => new Promise(() => undefined) },
    });
    const client = scene.stranger();
    const ping = mqttPacket.generate({ cmd: 'pingreq' });
    client.socket.write(Buffer.concat([mqttPacket.generate(connectPacket(stt)), ...Array(100).fill(ping)]));
    await client.closed;
  });
});

describe('the address', () => {
  const options = {
    prefix: PREFIX,
    authenticator: { authenticate: async () => null },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  };

  test('taken by another program is reported with the way out', async () => {
    await using scene = await createBrokerScene();
    const second = createEmbeddedBroker({ ...options, listen: scene.broker.address });
    await expect(second).rejects.toSatisfy(
      (error) => isHeadwaterError(error, 'HW_PORT_TAKEN') && error.hint?.includes('--mqtt') === true,
    );
  });

  test('that is not one of this machine is reported', async () => {
    const broker = createEmbeddedBroker({ ...options, listen: { host: '192.0.2.1', port: 0 } });
    await expect(broker).rejects.toSatisfy((error) => isHeadwaterError(error, 'HW_LISTEN_FAILED'));
  });

  test('is free again after close, and closing twice is harmless', async () => {
    const first = await createEmbeddedBroker({ ...options, listen: { host: '127.0.0.1', port: 0 } });
    await first.close();
    await first.close();
    const again = await createEmbeddedBroker({ ...options, listen: first.address });
    await again.close();
  });

  test('needs a prefix without wildcards', async () => {
    const broker = createEmbeddedBroker({
      ...options,
      prefix: 'headwater/+',
      listen: { host: '127.0.0.1', port: 0 },
    });
    await expect(broker).rejects.toSatisfy((error) => isHeadwaterError(error, 'HW_OPTIONS_INVALID'));
  });
});
