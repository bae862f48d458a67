import { describe, expect, test } from 'vitest';
import { createBrokerScene, PREFIX } from '../../testing/broker-scene.ts';
import type { RawConnect } from '../../testing/raw-mqtt.ts';

const stt: RawConnect = { clientId: 'prod.stt.one', username: 'prod/stt', password: 'token-of-prod-stt' };
const own = `${PREFIX}/prod/services/stt`;
const receipt = `${own}/clients/prod.stt.one`;

describe('coming in', () => {
  test.each<[string, RawConnect, number | 'closed']>([
    ['a service with its token', stt, 0],
    ['MQTT 3.1', { ...stt, protocolVersion: 3 }, 0],
    ['nobody: no user, no password', { clientId: 'prod.stt.one' }, 4],
    ['a user without password', { clientId: 'prod.stt.one', username: 'prod/stt' }, 4],
    ['a wrong password', { ...stt, password: 'token-of-prod-sttt' }, 4],
    ['the client id of another service', { ...stt, clientId: 'prod.tts.one' }, 2],
    ['the client id of another environment', { ...stt, clientId: 'dev.stt.one' }, 2],
    ['a client id that only begins like its own', { ...stt, clientId: 'prod.stt2.one' }, 2],
    ['a wildcard as client id', { ...stt, clientId: '#' }, 2],
    ['no client id', { ...stt, clientId: '' }, 2],
    ['the prototype as client id', { ...stt, clientId: '__proto__' }, 2],
    ['a session that outlives the connection', { ...stt, clean: false }, 'closed'],
    ['no keepalive', { ...stt, keepalive: 0 }, 6],
    ['a keepalive of an hour', { ...stt, keepalive: 3600 }, 6],
    ['MQTT 5', { ...stt, protocolVersion: 5 }, 1],
    ['a last will on a config topic', { ...stt, will: { topic: `${own}/snapshot`, payload: 'x' } }, 5],
    [
      'a last will on the receipt of another instance',
      { ...stt, will: { topic: `${own}/clients/prod.stt.two`, payload: 'x' } },
      5,
    ],
    ['a last will under $SYS', { ...stt, will: { topic: '$SYS/x', payload: 'x' } }, 5],
    ['a last will with QoS 2', { ...stt, will: { topic: receipt, payload: 'x', qos: 2 } }, 5],
    ['a last will on its own receipt', { ...stt, will: { topic: receipt, payload: 'x' } }, 0],
  ])('%s', async (_what, options, expected) => {
    await using scene = await createBrokerScene();
    const client = scene.stranger();
    expect(await client.connect(options)).toBe(expected);
    if (expected !== 0) await client.closed; // a refusal that leaves the connection open is none
    expect(scene.broker.connectionCount).toBe(expected === 0 ? 1 : 0);
  });

  test('a packet before CONNECT ends the connection', async () => {
    await using scene = await createBrokerScene();
    const client = scene.stranger();
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${PREFIX}/keys`, qos: 0 }] });
    await client.closed;
  });

  test('subscribing in the same breath as a refused CONNECT gives nothing', async () => {
    await using scene = await createBrokerScene();
    await scene.publish('keys', 'k');
    const client = scene.stranger();
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 30,
      clientId: 'prod.stt.one',
    });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${PREFIX}/keys`, qos: 0 }] });
    await client.closed;
    expect(client.received.map((packet) => packet.cmd)).toEqual(['connack']);
  });

  test('an authenticator that fails lets nobody in', async () => {
    await using scene = await createBrokerScene({
      authenticator: { authenticate: () => Promise.reject(new Error('token file unreadable')) },
    });
    expect(await scene.stranger().connect(stt)).toBe(3);
  });

  test('who hangs up while being judged is not counted afterwards', async () => {
    let judge: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      judge = resolve;
    });
    let answer: (identity: null | { kind: 'service'; env: string; service: string; tokenId: string }) => void;
    const pending = new Promise<null | { kind: 'service'; env: string; service: string; tokenId: string }>(
      (resolve) => {
        answer = resolve;
      },
    );
    await using scene = await createBrokerScene({
      authenticator: {
        authenticate() {
          judge();
          return pending;
        },
      },
    });
    const client = scene.stranger();
    const answered = client.connect(stt);
    await asked;
    await client.crash();
    // Its end has reached the broker once a later connection has come and gone.
    const later = scene.stranger();
    later.socket.end();
    await later.closed;
    answer!({ kind: 'service', env: 'prod', service: 'stt', tokenId: 't' });
    expect(await answered).toBe('closed');
    expect(scene.broker.connectionCount).toBe(0);
  });
});

describe('one client cannot push out another', () => {
  test('of another service, by taking its client id', async () => {
    await using scene = await createBrokerScene();
    const victim = await scene.client('prod', 'stt');
    const thief = scene.stranger();
    expect(await thief.connect({ ...stt, username: 'prod/tts', password: 'token-of-prod-tts' })).toBe(2);
    expect(await victim.settled()).toBe('answered');
  });

  test('but the same service replaces its own connection', async () => {
    await using scene = await createBrokerScene();
    const before = await scene.client('prod', 'stt');
    const after = await scene.client('prod', 'stt');
    await before.closed;
    expect(await after.settled()).toBe('answered');
    expect(scene.broker.connectionCount).toBe(1);
  });
});

describe('reading', () => {
  const secretTopics = [
    'prod/services/tts/snapshot',
    'dev/services/stt/snapshot',
    'dev/epoch',
    'prod/services/stt/clients/prod.stt.two',
    'daemons/d1/health',
  ];

  test('a service gets its own topics, retained and live', async () => {
    await using scene = await createBrokerScene();
    await scene.publish('prod/services/stt/snapshot', 'kept');
    const client = await scene.client('prod', 'stt');
    expect(await client.subscribe([`${own}/snapshot`, `${own}/diff`])).toEqual([0, 0]);
    expect(await client.next('publish')).toMatchObject({
      topic: `${own}/snapshot`,
      retain: true,
      payload: Buffer.from('kept'),
    });
    await scene.publish('prod/services/stt/diff', 'live', false);
    expect(await client.next('publish')).toMatchObject({
      topic: `${own}/diff`,
      retain: false,
      payload: Buffer.from('live'),
    });
  });

  test.each([
    ...secretTopics.map((topic) => `${PREFIX}/${topic}`),
    '#',
    '+',
    '+/#',
    `${PREFIX}/#`,
    `${PREFIX}/+/epoch`,
    `${PREFIX}/prod/services/+/snapshot`,
    `${own}/#`,
    '$SYS/#',
    '$SYS/+/new/clients',
    `$share/x/${own}/snapshot`,
    '$share/x/#',
  ])('and not %s, neither what is retained nor what comes', async (filter) => {
    await using scene = await createBrokerScene();
    for (const topic of secretTopics) await scene.publish(topic, 'kept');
    const client = await scene.client('prod', 'stt');
    expect(await client.subscribe([filter])).toEqual([128]);
    for (const topic of secretTopics) await scene.publish(topic, 'live');
    await (await scene.client('prod', 'tts')).settled(); // makes $SYS traffic
    await client.settled();
    expect(client.received).toEqual([]);
  });

  test('a denied filter does not take an allowed one with it, in either order', async () => {
    await using scene = await createBrokerScene();
    await scene.publish('keys', 'k');
    const client = await scene.client('prod', 'stt');
    expect(await client.subscribe(['#', `${PREFIX}/keys`, '$SYS/#'])).toEqual([128, 0, 128]);
    await client.settled();
    expect(client.received.map((packet) => packet.cmd)).toEqual(['publish']);
  });
});

describe('publishing', () => {
  test.each([
    `${PREFIX}/keys`,
    `${PREFIX}/prod/epoch`,
    `${own}/snapshot`,
    `${own}/diff`,
    `${own}/schema`,
    `${own}/clients/prod.stt.two`,
    `${PREFIX}/prod/services/tts/clients/prod.tts.one`,
    `${PREFIX}/daemons/d1/health`,
    '$SYS/broker/x',
    'elsewhere',
  ])('on %s ends the connection and reaches nobody', async (topic) => {
    await using scene = await createBrokerScene();
    const seen: string[] = [];
    scene.broker.follow('#', (message) => seen.push(message.topic));
    const client = await scene.client('prod', 'stt');
    expect(await client.publish(topic, 'forged')).toBe('closed');
    expect(scene.broker.retained(topic)).toBeUndefined();
    expect(seen).toEqual([]);
  });

  test('an empty message on a config topic does not clear it', async () => {
    await using scene = await createBrokerScene();
    await scene.publish('prod/services/stt/snapshot', 'kept');
    const client = await scene.client('prod', 'stt');
    expect(await client.publish(`${own}/snapshot`, '')).toBe('closed');
    expect(scene.broker.retained(`${own}/snapshot`)).toEqual(Buffer.from('kept'));
  });

  test('its own receipt is retained, followed by the daemon, and cleared by an empty one', async () => {
    await using scene = await createBrokerScene();
    const seen: string[] = [];
    scene.broker.follow(`${PREFIX}/+/services/+/clients/+`, (message) => seen.push(String(message.payload)));
    const client = await scene.client('prod', 'stt');
    expect(await client.publish(receipt, '{"state":"live"}')).toBe('acknowledged');
    await client.settled();
    expect(String(scene.broker.retained(receipt))).toBe('{"state":"live"}');
    expect(await client.publish(receipt, '')).toBe('acknowledged');
    await client.settled();
    expect(scene.broker.retained(receipt)).toBeUndefined();
    expect(seen).toEqual(['{"state":"live"}', '']);
  });

  test('with QoS 2 ends the connection', async () => {
    await using scene = await createBrokerScene();
    const client = await scene.client('prod', 'stt');
    client.send({
      cmd: 'publish',
      topic: receipt,
      payload: 'x',
      retain: true,
      qos: 2,
      dup: false,
      messageId: 1,
    });
    await client.closed;
    expect(scene.broker.retained(receipt)).toBeUndefined();
  });
});

describe('the last will', () => {
  const withWill = { ...stt, will: { topic: receipt, payload: '{"state":"offline"}' } };

  test('is published when a client vanishes', async () => {
    await using scene = await createBrokerScene();
    const came = new Promise<string>((resolve) => {
      scene.broker.follow(receipt, (message) => resolve(String(message.payload)));
    });
    const client = scene.stranger();
    await client.connect(withWill);
    await client.crash();
    expect(await came).toBe('{"state":"offline"}');
    expect(String(scene.broker.retained(receipt))).toBe('{"state":"offline"}');
  });

  test('is not published after a goodbye', async () => {
    await using scene = await createBrokerScene();
    const client = scene.stranger();
    await client.connect(withWill);
    client.send({ cmd: 'disconnect' });
    await client.closed;
    await (await scene.client('prod', 'tts')).settled();
    expect(scene.broker.retained(receipt)).toBeUndefined();
  });
});

test('revoking a token cuts the connections made with it, and no others', async () => {
  await using scene = await createBrokerScene();
  const revoked = [await scene.client('prod', 'stt', 'a'), await scene.client('prod', 'stt', 'b')];
  const other = await scene.client('prod', 'tts');
  expect(scene.broker.closeConnections((identity) => identity.tokenId === 'prod-stt')).toBe(2);
  await Promise.all(revoked.map((client) => client.closed));
  expect(await other.settled()).toBe('answered');
});
