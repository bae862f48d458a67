import { isHeadwaterError } from '@headwater/schemas/protocol';
import mqttPacket from 'mqtt-packet';
import { expect, test } from 'vitest';
import type { PublisherEvents } from '../../ports.ts';
import { startScriptedBroker } from '../../testing/scripted-broker.ts';
import { parseBrokerUrl } from './broker-url.ts';
import { createMqttPublisher } from './mqtt-publisher.ts';
import { type MqttSession, openMqttSession } from './mqtt-session.ts';
import { createRetainedReader } from './retained-reader.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const message = { topic: 't/a', payload: Buffer.from('old'), retain: true, qos: 1 } as const;
const isCode = (code: 'HW_BROKER_UNREACHABLE' | 'HW_BROKER_REFUSED') => (error: unknown) =>
  isHeadwaterError(error, code);

async function session(port: number): Promise<MqttSession> {
  const address = parseBrokerUrl(`mqtt://127.0.0.1:${port}`);
  const opened = openMqttSession({ address, clientId: 'd1', onMessage() {} });
  await opened.ready;
  return opened;
}

test('speaks MQTT 3.1.1, starts clean, and asks for a short keepalive', async () => {
  await using broker = await startScriptedBroker();
  const opened = await session(broker.port);
  expect(broker.connects[0]).toMatchObject({
    protocolVersion: 4,
    clean: true,
    keepalive: 15,
    clientId: 'd1',
  });
  await opened.end();
});

test('a message whose acknowledgement never came fails when the connection ends, and is not sent again', async () => {
  await using broker = await startScriptedBroker();
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'publish') return undefined;
    socket.destroy();
    return false;
  };
  const publisher = createMqttPublisher({
    url: `mqtt://127.0.0.1:${broker.port}`,
    clientId: 'd1',
    log: silent,
  });
  let connects = 0;
  let changed: () => void = () => undefined;
  const events: PublisherEvents = {
    onConnect() {
      connects += 1;
      changed();
    },
    onDisconnect() {},
    onMessage() {},
  };
  const connected = (count: number): Promise<void> =>
    new Promise((resolve) => {
      changed = () => connects >= count && resolve();
      changed();
    });
  await publisher.start(['t/+'], events);
  await connected(1);
  await expect(publisher.publish(message)).rejects.toSatisfy(isCode('HW_BROKER_UNREACHABLE'));
  broker.onPacket = () => undefined;
  await connected(2);
  await publisher.publish({ ...message, payload: Buffer.from('new') });
  const sent = broker.packets.flatMap((packet) => (packet.cmd === 'publish' ? [String(packet.payload)] : []));
  expect(sent).toEqual(['old', 'new']);
  // Followed again on the new connection, before `onConnect` was told.
  expect(broker.packets.filter((packet) => packet.cmd === 'subscribe')).toHaveLength(2);
  await publisher.close();
});

test('a connection is reported only once its filters are followed', async () => {
  await using broker = await startScriptedBroker();
  const order: string[] = [];
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'subscribe') return undefined;
    setImmediate(() => {
      order.push('followed');
      socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [0] }));
    });
    return false;
  };
  const publisher = createMqttPublisher({
    url: `mqtt://127.0.0.1:${broker.port}`,
    clientId: 'd1',
    log: silent,
  });
  await new Promise<void>((resolve) => {
    const onConnect = (): void => {
      order.push('connected');
      resolve();
    };
    void publisher.start(['t/+'], { onConnect, onDisconnect() {}, onMessage() {} });
  });
  expect(order).toEqual(['followed', 'connected']);
  await publisher.close();
});

test('a reader takes retained messages only, not what is published meanwhile', async () => {
  await using broker = await startScriptedBroker();
  const marker = 't/daemons/d1/sync';
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'subscribe') return undefined;
    const nonce =
      broker.packets.flatMap((sent) => (sent.cmd === 'publish' ? [sent.payload] : [])).at(-1) ?? '';
    const send = (topic: string, payload: string | Buffer, retain: boolean): void =>
      void socket.write(mqttPacket.generate({ cmd: 'publish', topic, payload, retain, qos: 0, dup: false }));
    send('t/live', 'x', false);
    send('t/kept', 'x', true);
    send(marker, nonce, true);
    return undefined;
  };
  const address = parseBrokerUrl(`mqtt://127.0.0.1:${broker.port}`);
  const opened = openMqttSession({ address, clientId: 'd1', onMessage: (one) => void reader.observe(one) });
  const reader = createRetainedReader(opened, marker, new Set());
  await opened.ready;
  expect([...(await reader.read(['t/live', 't/kept'])).keys()]).toEqual(['t/kept']);
  await opened.end();
});

test('a broker that sends more than a megabyte in one packet is cut off', async () => {
  await using broker = await startScriptedBroker();
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'subscribe') return undefined;
    const header = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]); // PUBLISH of 256 MB
    socket.write(header);
    return false;
  };
  const opened = await session(broker.port);
  await expect(opened.subscribe(['t/a'])).rejects.toThrow(/MQTT packet/);
  expect(await opened.over).toContain('MQTT packet');
});

test('a denied filter is an error, not silence', async () => {
  await using broker = await startScriptedBroker();
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'subscribe') return undefined;
    const granted = packet.subscriptions.map(() => 128);
    socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted }));
    return false;
  };
  const opened = await session(broker.port);
  await expect(opened.subscribe(['t/a'])).rejects.toSatisfy(isCode('HW_BROKER_REFUSED'));
  await opened.end();
});

test('a reader whose marker the broker swallows says so instead of calling everything absent', async () => {
  await using broker = await startScriptedBroker(); // acknowledges everything, gives nothing back
  const opened = await session(broker.port);
  const reader = createRetainedReader(opened, 't/daemons/d1/sync', new Set(), 10);
  await expect(reader.read(['t/a'])).rejects.toSatisfy(isCode('HW_BROKER_REFUSED'));
  await opened.end();
});

test('a reader does not wait for its marker when the connection ends', async () => {
  await using broker = await startScriptedBroker();
  broker.onPacket = (packet, socket) => {
    if (packet.cmd === 'subscribe') setImmediate(() => socket.destroy());
    return undefined;
  };
  const opened = await session(broker.port);
  const reader = createRetainedReader(opened, 't/daemons/d1/sync', new Set());
  await expect(reader.read(['t/a'])).rejects.toSatisfy(isCode('HW_BROKER_UNREACHABLE'));
  await expect(reader.read(['t/a'])).rejects.toSatisfy(isCode('HW_BROKER_UNREACHABLE'));
});

test('closing fails what still waits for the broker, says goodbye, and does not wait for a broker that is stuck', async () => {
  await using broker = await startScriptedBroker();
  broker.onPacket = (packet, socket) => {
    if (packet.cmd !== 'publish') return undefined;
    if (String(packet.payload) === 'stuck') socket.pause();
    return false;
  };
  const polite = await session(broker.port);
  const unanswered = expect(polite.publish(message)).rejects.toSatisfy(isCode('HW_BROKER_UNREACHABLE'));
  await broker.until(() => broker.packets.length === 1);
  await polite.end();
  await unanswered;
  expect(broker.packets.at(-1)).toMatchObject({ cmd: 'disconnect' });

  const stuck = await session(broker.port);
  const lost = expect(stuck.publish({ ...message, payload: Buffer.from('stuck') })).rejects.toThrow();
  await broker.until(() => broker.packets.length === 3);
  await stuck.end();
  await lost;
});
