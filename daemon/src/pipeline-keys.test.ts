import {
  type EpochPayload,
  type Keyring,
  openKeys,
  openMessage,
  type Payload,
  parseEnvelope,
  parsePayload,
  type SigningKey,
  type SnapshotPayload,
  signEnvelope,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { beforeEach, describe, expect, test } from 'vitest';
import { createWorld, type World } from './epochs/testing.ts';
import { type NextKeyList, nextKeyList } from './keys/next-key-list.ts';
import { createMessageSigner } from './publishing/message-signer.ts';
import { createFakeLedger } from './testing/fake-ledger.ts';
import {
  type Bench,
  base,
  bench,
  codesOf,
  key,
  keyring,
  prefix,
  short,
  signing,
  statementOf,
  storedBy,
  type TestKeys,
  topicOf,
} from './testing/pipeline-bench.ts';

const root = key(1);
const fresh = key(5);
const hex = ({ publicKey }: SigningKey) => toHex(publicKey);

/** The list after `before`, signed by the root. */
function nextKeyring(before: Keyring, next: NextKeyList, at: number): Keyring {
  const payload = nextKeyList(before.payload, next, at);
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots: before.roots, deployment: 'tars', version: before.version }, nodeCrypto);
}

let world: World;
let keys: TestKeys;
let first: string;
let one: Bench;
beforeEach(async () => {
  world = createWorld();
  keys = { keyring, signing: [signing] };
  first = world.commit([], base);
  one = await bench(world, first, { keys });
  one.news();
});

const retained = (topic: string) => one.publisher.retained.get(topic) as Uint8Array;
const signersOf = (topic: string) => parseEnvelope(retained(topic)).signatures.length;
const opens = (topic: string, kind: 'snapshot' | 'schema' | 'epoch' | 'tombstone', by: Keyring) =>
  openMessage(retained(topic), [kind], { deployment: 'tars' }, by, nodeCrypto).payload;
const rotate = async (graceMs: number) => {
  keys.keyring = nextKeyring(
    keys.keyring,
    { newKey: hex(fresh), graceUntil: one.clock.ms + graceMs },
    one.clock.ms,
  );
  keys.signing = graceMs > 0 ? [fresh, signing] : [fresh];
  one.clock.ms += 1_000;
  await one.pipeline.onKeys();
};
const revoke = async () => {
  keys.keyring = nextKeyring(
    keys.keyring,
    { newKey: hex(fresh), revoke: new Set([hex(signing)]) },
    one.clock.ms,
  );
  keys.signing = [fresh];
  one.clock.ms += 1_000;
  await one.pipeline.onKeys();
};

describe('after a rotation', () => {
  test('the list goes out first, then everything as it is, signed by both keys', async () => {
    const before = opens(topicOf('a', 'snapshot'), 'snapshot', keyring) as SnapshotPayload;
    await rotate(60_000);
    const news = short(one.news());
    expect(news[0]).toBe('keys: keys');
    expect(news.slice(1).sort()).toEqual([
      'dev/epoch: epoch',
      'dev/services/a/schema: schema',
      'dev/services/a/snapshot: snapshot',
      'dev/services/b/schema: schema',
      'dev/services/b/snapshot: snapshot',
    ]);
    expect(opens(`${prefix}/dev/epoch`, 'epoch', keys.keyring)).toBeDefined();
    for (const by of [keyring, keys.keyring]) {
      const { issuedAt: _, ...after } = opens(topicOf('a', 'snapshot'), 'snapshot', by) as SnapshotPayload;
      const { issuedAt: __, ...same } = before;
      expect(after).toEqual(same);
      expect(opens(topicOf('a', 'schema'), 'schema', by)).toBeDefined();
    }
    expect(signersOf(topicOf('a', 'snapshot'))).toBe(2);
    expect(one.saved.get('dev/a')?.envelope).toEqual(retained(topicOf('a', 'snapshot')));
    expect(codesOf(one)).toEqual([]);
  });

  test('without a grace period the old key signs nothing more, and changes go on', async () => {
    await rotate(0);
    expect(signersOf(topicOf('b', 'snapshot'))).toBe(1);
    one.news();
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect(short(one.news())).toEqual([
      'dev/services/a/snapshot: snapshot',
      'dev/services/a/diff: diff',
      'dev/epoch: epoch',
    ]);
    expect(opens(topicOf('a', 'snapshot'), 'snapshot', keys.keyring)).toBeDefined();
  });

  test('a broker that is away gets the list when it comes', async () => {
    one.publisher.disconnect();
    await rotate(60_000);
    expect(one.news()).toEqual([]);
    one.publisher.reconnect();
    await one.pipeline.idle();
    expect(short(one.news())).toContain('keys: keys');
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect(signersOf(topicOf('a', 'snapshot'))).toBe(2);
  });
});

describe('a stolen key that ran ahead', () => {
  const thief = createMessageSigner(() => [signing], nodeCrypto);
  const ahead = { era: 1, seq: 900, commit: 'ee'.repeat(20) };

  /** What a thief who can write to the broker puts there. */
  async function steal(): Promise<void> {
    const at = new Date(one.clock.ms + 3_600_000).toISOString();
    const snapshot = opens(topicOf('a', 'snapshot'), 'snapshot', keyring) as SnapshotPayload;
    const put = (topic: string, payload: Payload) => one.publisher.receive(topic, thief.sign(payload), true);
    put(topicOf('a', 'snapshot'), { ...snapshot, epoch: ahead, issuedAt: at });
    const tombstone = {
      v: 1,
      kind: 'tombstone',
      deployment: 'tars',
      env: 'dev',
      service: 'b',
      epoch: ahead,
      issuedAt: at,
    } as const;
    put(topicOf('b', 'snapshot'), tombstone);
    const statement = parsePayload(
      'epoch',
      parseEnvelope(retained(`${prefix}/dev/epoch`)).payload,
    ) as EpochPayload;
    put(`${prefix}/dev/epoch`, { ...statement, epoch: ahead, issuedAt: at });
    await one.pipeline.idle();
  }

  test('is believed as long as it counts', async () => {
    await steal();
    expect(statementOf(one).epoch).toEqual(ahead);
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect((opens(topicOf('a', 'snapshot'), 'snapshot', keyring) as SnapshotPayload).epoch).toEqual(ahead);
  });

  test('is undone by its revocation: what is live stands there again, below what it claimed', async () => {
    await steal();
    const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    await one.to(second);
    one.news();
    await revoke();
    expect(short(one.news())[0]).toBe('keys: keys');
    expect(opens(topicOf('a', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({
      epoch: { seq: 2, commit: second },
    });
    expect(opens(topicOf('b', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({
      epoch: { seq: 1, commit: first },
    });
    expect(opens(topicOf('b', 'schema'), 'schema', keys.keyring)).toBeDefined();
    expect(statementOf(one)).toMatchObject({ epoch: { seq: 2, commit: second }, status: 'ok' });
    for (const topic of [
      topicOf('a', 'snapshot'),
      topicOf('b', 'snapshot'),
      topicOf('a', 'schema'),
      `${prefix}/dev/epoch`,
    ])
      expect(parseEnvelope(retained(topic)).signatures).toHaveLength(1);
    expect(codesOf(one)).toEqual([]);
    await one.to(world.commit([second], { 'services/b/config.json': '{"value":"2"}' }));
    expect(opens(topicOf('b', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({ epoch: { seq: 3 } });
  });

  test('gains nothing by a rotation that comes before anybody knows of the theft', async () => {
    await steal();
    await rotate(60_000);
    keys.keyring = nextKeyring(keys.keyring, { revoke: new Set([hex(signing)]) }, one.clock.ms);
    keys.signing = [fresh];
    one.clock.ms += 1_000;
    await one.pipeline.onKeys();
    expect(opens(topicOf('a', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({
      epoch: { seq: 1, commit: first },
    });
    expect(opens(topicOf('b', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({
      epoch: { seq: 1, commit: first },
    });
    expect(statementOf(one)).toMatchObject({ epoch: { seq: 1 } });
  });

  test('leaves nothing in the ledger, although the daemon that believed it wrote it down', async () => {
    const ledger = createFakeLedger();
    one = await bench(world, first, { keys, ledger });
    await steal();
    await one.pipeline.stop();
    expect(ledger.entry?.record.published.get('dev')?.seq).toBe(900);
    one = await bench(world, first, {
      keys,
      ledger,
      retained: new Map(one.publisher.retained),
      stored: storedBy(one),
    });
    expect(codesOf(one)).not.toEqual([]);
    await revoke();
    expect(ledger.entry?.record.published.get('dev')?.seq ?? 1).toBe(1);
    expect(codesOf(one)).toEqual([]);
    expect(statementOf(one)).toMatchObject({ epoch: { seq: 1, commit: first }, status: 'ok' });
  });

  test('a service that is gone stays gone, and may come back later', async () => {
    const gone = ['services/b/config.json', 'schemas/b.schema.json'] as const;
    const second = world.commit(
      [first],
      {},
      { remove: [...gone], message: 'Go\n\nHeadwater-Allow-Removal: 1\n' },
    );
    await one.to(second);
    await steal();
    await revoke();
    expect(short(one.news())).toContain('dev/services/b/snapshot: tombstone');
    expect(opens(topicOf('b', 'snapshot'), 'tombstone', keys.keyring)).toMatchObject({ epoch: { seq: 2 } });
    await one.to(
      world.commit([second], {
        'services/b/config.json': base['services/b/config.json'],
        'schemas/b.schema.json': base['schemas/b.schema.json'],
      }),
    );
    expect(opens(topicOf('b', 'snapshot'), 'snapshot', keys.keyring)).toMatchObject({ epoch: { seq: 3 } });
  });

  test('an era that it made up is forgotten, or lived with; either way everything speaks of one', async () => {
    const statement = parsePayload(
      'epoch',
      parseEnvelope(retained(`${prefix}/dev/epoch`)).payload,
    ) as EpochPayload;
    const forged = {
      ...statement,
      epoch: { ...ahead, era: 99 },
      issuedAt: new Date(one.clock.ms + 60_000).toISOString(),
    };
    one.publisher.receive(`${prefix}/dev/epoch`, thief.sign(forged), true);
    await one.pipeline.idle();
    await revoke();
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    const { era } = statementOf(one).epoch;
    for (const service of ['a', 'b'])
      expect(
        (opens(topicOf(service, 'snapshot'), 'snapshot', keys.keyring) as SnapshotPayload).epoch.era,
      ).toBe(era);
    expect(codesOf(one)).toEqual([]);
  });
});

test('a daemon that starts after the revocation finds the stolen messages on the broker, and puts them right', async () => {
  const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  const snapshot = opens(topicOf('a', 'snapshot'), 'snapshot', keyring) as SnapshotPayload;
  const forged = createMessageSigner(() => [signing], nodeCrypto).sign({
    ...snapshot,
    epoch: { era: 1, seq: 900, commit: 'ee'.repeat(20) },
  });
  const next = nextKeyring(keyring, { newKey: hex(fresh), revoke: new Set([hex(signing)]) }, one.clock.ms);
  const onBroker = new Map([...one.publisher.retained, [topicOf('a', 'snapshot'), forged]]);
  one = await bench(world, second, { keys: { keyring: next, signing: [fresh] }, retained: onBroker });
  expect(opens(topicOf('a', 'snapshot'), 'snapshot', next)).toMatchObject({ epoch: { seq: 2 } });
  expect(opens(topicOf('b', 'snapshot'), 'snapshot', next)).toMatchObject({ epoch: { seq: 1 } });
  expect(codesOf(one)).toEqual([]);
});
